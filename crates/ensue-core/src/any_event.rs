//! An event whose type is known at run time only.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;

use crate::{Envelope, Event, Meta, PayloadError, Timestamp};

/// An event of any type: what [`capture`](crate::capture) returns and a handle-any handler is
/// given.
///
/// One that was raised in this process holds the value itself
/// ([`downcast_ref`](AnyEvent::downcast_ref)); one that was read from the log holds its stored
/// payload.
pub struct AnyEvent {
    form: Form,
    occurred_at: Timestamp,
}

enum Form {
    Raised(Box<dyn Erased>),
    Stored(Box<Envelope>),
    /// Several, in the form that a handler of batches takes.
    Batch {
        event_type: &'static str,
        events: Box<dyn Any + Send + Sync>,
    },
}

impl AnyEvent {
    /// `event`, which happened at `occurred_at`.
    pub fn new<E: Event>(event: E, occurred_at: Timestamp) -> Self {
        Self { form: Form::Raised(Box::new(event)), occurred_at }
    }

    /// An event as it was stored, its type not yet asked for.
    pub fn stored(envelope: Envelope) -> Self {
        let occurred_at = envelope.occurred_at;
        Self { form: Form::Stored(Box::new(envelope)), occurred_at }
    }

    /// Events of one type on their way to a handler that takes them together; never stored.
    #[doc(hidden)]
    pub fn of_batch<B: Any + Send + Sync>(event_type: &'static str, batch: B) -> Self {
        let form = Form::Batch { event_type, events: Box::new(batch) };
        Self { form, occurred_at: Timestamp::from_micros(0) }
    }

    /// The batch, if it is a `B`.
    #[doc(hidden)]
    pub fn batch<B: Any>(&self) -> Option<&B> {
        match &self.form {
            Form::Batch { events, .. } => events.downcast_ref(),
            Form::Raised(_) | Form::Stored(_) => None,
        }
    }

    /// The stable name of the event's type.
    pub fn event_type(&self) -> &str {
        match &self.form {
            Form::Batch { event_type, .. } => event_type,
            Form::Raised(event) => event.event_type(),
            Form::Stored(envelope) => &envelope.event_type,
        }
    }

    pub(crate) fn type_name(&self) -> Cow<'static, str> {
        match &self.form {
            Form::Batch { event_type, .. } => Cow::Borrowed(event_type),
            Form::Raised(event) => Cow::Borrowed(event.event_type()),
            Form::Stored(envelope) => envelope.event_type.clone(),
        }
    }

    /// The version of the payload's shape.
    pub fn version(&self) -> u32 {
        match &self.form {
            Form::Raised(event) => event.version(),
            Form::Stored(envelope) => envelope.version,
            Form::Batch { .. } => 1,
        }
    }

    /// What the event must stay in order with.
    pub fn key(&self) -> Option<String> {
        match &self.form {
            Form::Raised(event) => event.key(),
            Form::Stored(envelope) => envelope.key.clone(),
            Form::Batch { .. } => None,
        }
    }

    /// When it happened.
    pub fn occurred_at(&self) -> Timestamp {
        self.occurred_at
    }

    /// Whether it is never stored.
    pub fn is_local(&self) -> bool {
        match &self.form {
            Form::Raised(event) => event.is_local(),
            Form::Stored(_) => false,
            Form::Batch { .. } => true,
        }
    }

    /// The payload as it is, or would be, stored.
    ///
    /// # Errors
    /// When the event is local or cannot be encoded.
    pub fn payload(&self) -> Result<Cow<'_, [u8]>, PayloadError> {
        match &self.form {
            Form::Raised(event) => event.encode().map(Cow::Owned),
            Form::Stored(envelope) => Ok(Cow::Borrowed(&envelope.payload)),
            Form::Batch { event_type, .. } => Err(PayloadError::local(*event_type)),
        }
    }

    /// The event as an `E`, if it is one that was raised in this process.
    pub fn downcast_ref<E: Event>(&self) -> Option<&E> {
        match &self.form {
            Form::Raised(event) => event.as_any().downcast_ref(),
            Form::Stored(_) | Form::Batch { .. } => None,
        }
    }

    /// The Rust type of a raised event; two types that share a name differ in it.
    #[doc(hidden)]
    pub fn type_id(&self) -> Option<std::any::TypeId> {
        match &self.form {
            Form::Raised(event) => Some(event.as_any().type_id()),
            Form::Stored(_) | Form::Batch { .. } => None,
        }
    }

    /// The event and its metadata, ready to be stored.
    ///
    /// # Errors
    /// Returns an error if the event is local or cannot be encoded, or if a name or text in it breaks its
    /// [rule](crate::NameRule).
    pub fn to_envelope(&self, meta: &Meta) -> Result<Envelope, PayloadError> {
        let envelope = match &self.form {
            Form::Raised(event) => described(&**event, meta)?,
            Form::Stored(envelope) => (**envelope).clone(),
            Form::Batch { event_type, .. } => return Err(PayloadError::local(*event_type)),
        };
        let is_valid = envelope.check();
        is_valid.map_err(|error| PayloadError::name(&*envelope.event_type, error))?;
        Ok(envelope)
    }
}

fn described(event: &dyn Erased, meta: &Meta) -> Result<Envelope, PayloadError> {
    Ok(Envelope {
        id: meta.id,
        event_type: Cow::Borrowed(event.event_type()),
        version: event.version(),
        key: meta.key.clone(),
        content_type: Cow::Borrowed(event.content_type()),
        payload: event.encode()?,
        occurred_at: meta.occurred_at,
        correlation_id: meta.correlation_id.clone(),
        causation_id: meta.causation_id,
        hops: meta.hops,
        trace_context: meta.trace_context.clone(),
        headers: meta.headers.clone(),
    })
}

impl fmt::Debug for AnyEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyEvent")
            .field("type", &self.event_type())
            .field("key", &self.key())
            .field("occurred_at", &self.occurred_at)
            .finish_non_exhaustive()
    }
}

/// What a handler can be given: an event of its type, or any.
pub trait Handled: Send + Sync + Sized + 'static {
    /// `event` in that form.
    fn of(event: &AnyEvent) -> Option<&Self>;
}

impl<E: Event> Handled for E {
    fn of(event: &AnyEvent) -> Option<&Self> {
        event.downcast_ref()
    }
}

impl Handled for AnyEvent {
    fn of(event: &AnyEvent) -> Option<&Self> {
        Some(event)
    }
}

/// An event behind a pointer: its constants become methods.
trait Erased: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn event_type(&self) -> &'static str;
    fn version(&self) -> u32;
    fn content_type(&self) -> &'static str;
    fn is_local(&self) -> bool;
    fn key(&self) -> Option<String>;
    fn encode(&self) -> Result<Vec<u8>, PayloadError>;
}

impl<E: Event> Erased for E {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn event_type(&self) -> &'static str {
        E::TYPE
    }
    fn version(&self) -> u32 {
        E::VERSION
    }
    fn content_type(&self) -> &'static str {
        E::CONTENT_TYPE
    }
    fn is_local(&self) -> bool {
        E::LOCAL
    }
    fn key(&self) -> Option<String> {
        Event::key(self)
    }
    fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        Event::encode(self)
    }
}
