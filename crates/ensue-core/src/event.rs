//! What an event is.

use std::error::Error;
use std::fmt;

use crate::InvalidName;

/// A typed, past-tense fact of the domain, such as `OrderCancelled`.
///
/// Derive it. Its name and its aliases must follow the [rule](crate::NameRule::EVENT_TYPE) for event types,
/// and its key the [rule](crate::NameRule::KEY) for keys. The attribute takes
/// - `type = "order.cancelled"`: the stable name under which the event is stored and found.
///   Without it the name is the bare struct name, verbatim, and renaming the struct renames the
///   event;
/// - `version = 2`: the version of the payload's shape, 1 by default;
/// - `upcast(1 = split_name)`: a pure function that turns the JSON of version 1 into that of version
///   2, so that what was stored before is handled as if it had been stored now. Several are chained;
///   a version without one is read as it is;
/// - `alias = "order.canceled"`: a name under which the event was stored before; any number;
/// - `key = order_no`: a field, or an expression of `self`, whose `ToString` names what must stay
///   in order, usually the aggregate's id. Without it the event is in order with nothing;
/// - `local`: the event is handled in its unit of work and never stored. It needs no `Serialize`.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// use ensue_core::Event;
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event(type = "order.shipped", version = 2, key = self.number.to_uppercase())]
/// struct OrderShipped { number: String }
///
/// assert_eq!(OrderShipped::TYPE, "order.shipped");
/// assert_eq!(OrderShipped { number: "a-1".into() }.key().as_deref(), Some("A-1"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "not an event",
    note = "write `#[derive(Event, Serialize, Deserialize)]` on the type, or `#[derive(Event)]` \
            with `#[event(local)]` for one that is never stored"
)]
pub trait Event: Send + Sync + Sized + 'static {
    /// The stable name; no two event types of an application share one.
    const TYPE: &'static str;
    /// The version of the payload's shape.
    const VERSION: u32 = 1;
    /// The names under which the event was stored before.
    const ALIASES: &'static [&'static str] = &[];
    /// Whether the event stays in its unit of work and is never stored.
    const LOCAL: bool = false;
    /// The media type ([RFC 6838](https://www.rfc-editor.org/rfc/rfc6838)) of what
    /// [`encode`](Event::encode) returns.
    const CONTENT_TYPE: &'static str = "application/json";

    /// What the event must stay in order with: events of one key are handled in the order of their
    /// positions.
    fn key(&self) -> Option<String> {
        None
    }

    /// The payload to store. It comes back byte for byte.
    ///
    /// The derived implementation reads the payload back, and refuses values that JSON would change or that
    /// could not be read: NaN, an infinity, `Some(None)`, a `u128` behind a serde tag, a field that is not
    /// deserialized. Upcasters do not preserve 128-bit integers: their [`Value`](serde_json::Value) has 64
    /// bits.
    ///
    /// # Errors
    /// Returns an error if the value has no encoding or would not come back as it is, or the event is local.
    fn encode(&self) -> Result<Vec<u8>, PayloadError>;

    /// The event that [`encode`](Event::encode) of `version` wrote.
    ///
    /// # Errors
    /// When the payload is not one of this event, or is of a version that is still to come.
    fn decode(payload: &[u8], version: u32) -> Result<Self, PayloadError>;
}

/// A payload could not be written, or not be read as the event it should be.
#[derive(Debug)]
pub struct PayloadError {
    event_type: String,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Codec(Box<dyn Error + Send + Sync>),
    Local,
    Newer { stored: u32, known: u32 },
    Name(InvalidName),
}

impl PayloadError {
    /// An encoding of `event_type` failed because of `source`.
    pub fn new(
        event_type: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { event_type: event_type.into(), cause: Cause::Codec(source.into()) }
    }

    /// `event_type` is local: it has no stored form.
    pub fn local(event_type: impl Into<String>) -> Self {
        Self { event_type: event_type.into(), cause: Cause::Local }
    }

    /// The payload of `event_type` is of version `stored`, and this program knows those up to `known`.
    pub fn newer(event_type: impl Into<String>, stored: u32, known: u32) -> Self {
        Self { event_type: event_type.into(), cause: Cause::Newer { stored, known } }
    }

    /// The error for a name or text of `event_type` that breaks its [rule](crate::NameRule).
    pub fn name(event_type: impl Into<String>, error: InvalidName) -> Self {
        Self { event_type: event_type.into(), cause: Cause::Name(error) }
    }

    /// Whether a newer program could read it.
    pub fn is_newer(&self) -> bool {
        matches!(self.cause, Cause::Newer { .. })
    }

    /// The type of the event whose payload it is.
    pub fn event_type(&self) -> &str {
        &self.event_type
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event_type = &self.event_type;
        match &self.cause {
            Cause::Codec(source) => write!(f, "payload of event `{event_type}`: {source}"),
            Cause::Local => write!(f, "event `{event_type}` is local: it has no payload"),
            Cause::Name(error) => write!(f, "event `{}`: {error}", event_type.escape_debug()),
            Cause::Newer { stored, known } => write!(
                f,
                "payload of event `{event_type}` is of version {stored}, and this program knows \
                 those up to {known}"
            ),
        }
    }
}

impl Error for PayloadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Codec(source) => Some(source.as_ref()),
            Cause::Name(error) => Some(error),
            Cause::Local | Cause::Newer { .. } => None,
        }
    }
}
