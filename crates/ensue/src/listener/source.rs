//! Where messages arrive from.

use std::future::Future;

use ensue_core::{Envelope, EventId, InvalidName, NameRule, Timestamp};

use crate::BoxError;
use crate::cloud_event::CloudEvent;

/// A queue of a message broker, from which messages are received and to which it is acknowledged that
/// they were handled.
///
/// A source knows the wire and nothing else. What is handled when, again, and in which order is the
/// listener's business; so is when to open another session after one was lost.
pub trait Source: Send + Sync + 'static {
    /// What is connected.
    type Session: Session;

    /// Connects, and begins to receive: at the most `prefetch` messages that are not acknowledged.
    ///
    /// What an earlier session received and did not acknowledge MUST arrive again.
    ///
    /// CANCEL-SAFE: dropped half-way it MUST leave nothing connected.
    fn open(&self, prefetch: u16) -> impl Future<Output = Result<Self::Session, BoxError>> + Send;

    /// Returns once every message sent so far is acknowledged; test scenarios wait for that. A source that
    /// cannot tell returns at once.
    fn drained(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// A connection to a [`Source`] for as long as it lasts. Dropping it closes it, and may lose
/// acknowledgements that were not [flushed](Session::flush).
pub trait Session: Send + 'static {
    /// Waits for a message, and takes what else is there, in the order of arrival; in the end nothing,
    /// once [`stop`](Session::stop) was called.
    ///
    /// CANCEL-SAFE: no message is lost with it.
    ///
    /// # Errors
    /// When the session is lost. It MUST notice within twice its heartbeat that nobody is there.
    fn receive(&mut self) -> impl Future<Output = Result<Vec<Arrival>, BoxError>> + Send;

    /// Says that these were handled, or found to have been before, so that they do not arrive again.
    ///
    /// It need not be known on return that the other side has heard it. Tags are in ascending order,
    /// and not those of any earlier session.
    ///
    /// # Errors
    /// When the session is lost: they will arrive again.
    fn acknowledge(&mut self, tags: &[Tag]) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Says that no more messages are wanted; those that have arrived may still be acknowledged. No
    /// other session of the queue's that keeps keys in order may be given any until this one is dropped.
    ///
    /// # Errors
    /// When the session is lost.
    fn stop(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Returns once the other side has processed every acknowledgement: none of these messages arrives
    /// again, even if the session is dropped right afterwards.
    ///
    /// # Errors
    /// When the session is lost or the other side does not answer; the messages may then arrive again.
    fn flush(&mut self) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// What a session calls a message; ascending in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u64);

/// A message that has arrived.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// What it is acknowledged by.
    pub tag: Tag,
    /// Whether it may have arrived before.
    pub is_redelivered: bool,
    /// What it is.
    pub message: Result<Message, Unreadable>,
}

/// An event from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who has raised it: the CloudEvents attribute `source`.
    pub source: String,
    /// What recognises it among those of its source, as it came: the CloudEvents attribute `id`.
    pub id: String,
    /// Where it stands in its source's log, if that says so: the CloudEvents attribute `sequence`.
    pub sequence: Option<u64>,
    /// The event. Its id is `id` if that is a UUID, and otherwise made of `source` and `id`.
    pub envelope: Envelope,
}

impl Message {
    /// Checks every name in the message; one that breaks its [rule](NameRule) makes it a dead letter.
    pub(super) fn check(&self) -> Result<(), InvalidName> {
        NameRule::MESSAGE_SOURCE.check(&self.source)?;
        NameRule::MESSAGE_ID.check(&self.id)?;
        self.envelope.check()
    }

    /// What its receipt is found by: see [`EventId::among_all`]. Who handles messages without a
    /// [`Listener`](crate::Listener) asks for this [`once`](crate::Tx::once).
    pub fn receipt_id(&self) -> EventId {
        EventId::among_all(&self.source, &self.id)
    }
}

/// A message that is no event, as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadable {
    /// Why not.
    pub why: String,
    /// What recognises it, if anything does.
    pub id: Option<String>,
    /// What its body is said to be.
    pub content_type: Option<String>,
    /// What came beside the body, but for what a broker writes there itself.
    pub headers: Vec<(String, String)>,
    /// What was in it.
    pub body: Vec<u8>,
}

impl Unreadable {
    /// One of which nothing is known but its body.
    pub fn new(why: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let (why, body) = (why.into(), body.into());
        Self { why, id: None, content_type: None, headers: Vec::new(), body }
    }

    /// What recognises it, for its sender.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// What its body is said to be.
    #[must_use]
    pub fn with_content_type(self, content_type: impl Into<String>) -> Self {
        Self { content_type: Some(content_type.into()), ..self }
    }

    /// What came beside the body. It MUST be the same each time the message arrives, or each time it is
    /// another one: so without a count of deliveries, say.
    #[must_use]
    pub fn with_headers<N: Into<String>, V: Into<String>>(
        self,
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let headers = headers.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self { headers: headers.collect(), ..self }
    }

    /// The event that it is after all, which arrived at `received_at`.
    pub(super) fn read_again(self, received_at: Timestamp) -> Result<Message, Self> {
        let headers = self.headers.iter().map(|(name, value)| (&**name, &**value));
        let event = CloudEvent::read(headers, self.content_type.as_deref(), &self.body);
        match event.and_then(|event| event.into_message(received_at)) {
            Ok(message) => Ok(message),
            Err(error) => Err(Self { why: error.to_string(), ..self }),
        }
    }
}
