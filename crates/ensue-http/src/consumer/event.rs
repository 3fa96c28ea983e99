//! An event as the feed's reader sees it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ensue::{Event, PayloadError, Position, Timestamp};
use serde::Deserialize;

/// An event of the feed. It deserializes from a member of the feed's array.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BookEvent")]
#[non_exhaustive]
pub struct FeedEvent {
    /// Its position in the log: 1, 2, 3 … It never changes, so it recognises the event.
    pub id: Position,
    /// The stable name of its type.
    pub event_type: String,
    /// The payload's media type.
    pub content_type: String,
    /// The payload as it was stored, byte for byte.
    pub payload: Vec<u8>,
    /// When it happened, to the millisecond.
    pub timestamp: Timestamp,
}

impl FeedEvent {
    /// The type of the event that stands in for an entry that cannot be read. A handler that must not miss
    /// any event returns an error for it. The run then continues once the entry is repaired.
    pub const UNREADABLE: &str = crate::feed::UNREADABLE;

    /// The event as the `E` that it is.
    ///
    /// ```
    /// # use ensue::{BoxError, Event};
    /// # use ensue_http::FeedEvent;
    /// # use serde::{Deserialize, Serialize};
    /// #[derive(Event, Serialize, Deserialize)]
    /// #[event(type = "order.placed")]
    /// struct OrderPlaced { order_no: String }
    ///
    /// fn handle(event: &FeedEvent) -> Result<(), BoxError> {
    ///     match &*event.event_type {
    ///         OrderPlaced::TYPE => println!("{}", event.decode::<OrderPlaced>()?.order_no),
    ///         _ => {} // none of ours, or a type that came later
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// The feed says no versions: the payload is taken for one of `E::VERSION`. One that may be
    /// older is yours to tell, and `E::decode(&event.payload, version)` reads it.
    ///
    /// # Errors
    /// When it is of another type, or its payload cannot be read as an `E`.
    pub fn decode<E: Event>(&self) -> Result<E, PayloadError> {
        let event_type = &*self.event_type;
        if event_type != E::TYPE && !E::ALIASES.contains(&event_type) {
            let is_another = format!("event {} is a `{event_type}`", self.id);
            return Err(PayloadError::new(E::TYPE, is_another));
        }
        E::decode(&self.payload, E::VERSION)
    }
}

/// What is sent. Members that are not known are left to those who know them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BookEvent {
    id: u64,
    r#type: String,
    content_type: String,
    payload: String,
    timestamp: i64,
}

impl TryFrom<BookEvent> for FeedEvent {
    type Error = String;

    fn try_from(sent: BookEvent) -> Result<Self, String> {
        let (content_type, payload) = match sent.content_type.strip_suffix(";base64") {
            Some(content_type) => {
                let decoded = STANDARD.decode(sent.payload);
                let payload =
                    decoded.map_err(|error| format!("payload of event {}: {error}", sent.id))?;
                (content_type.to_owned(), payload)
            }
            None => (sent.content_type, sent.payload.into_bytes()),
        };
        Ok(Self {
            id: Position::new(sent.id),
            event_type: sent.r#type,
            content_type,
            payload,
            timestamp: Timestamp::from_micros(sent.timestamp.saturating_mul(1_000)),
        })
    }
}
