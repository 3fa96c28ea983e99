//! What a handler is told about an event beside the event.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::{AnyEvent, CorrelationId, EventId, Origin, Position, Timestamp};

/// The metadata of an event in the hands of a handler.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Meta {
    /// What recognises the event for ever: the idempotency key for calls to the outside.
    pub id: EventId,
    /// The stable name of its type.
    pub event_type: Cow<'static, str>,
    /// The version of the payload's shape.
    pub version: u32,
    /// What it must stay in order with.
    pub key: Option<String>,
    /// When it happened, by the clock of who raised it.
    pub occurred_at: Timestamp,
    /// When it was stored; nothing while its own unit of work is still open, or if it has come from
    /// elsewhere.
    pub recorded_at: Option<Timestamp>,
    /// Where it stands in the log; nothing while its own unit of work is still open, or if it has come
    /// from elsewhere.
    pub position: Option<Position>,
    /// Which attempt at handling this is, counted from 1.
    pub attempt: u32,
    /// Whether it was handled before, and somebody wants it handled once more.
    pub is_replay: bool,
    /// What all events of its story share.
    pub correlation_id: CorrelationId,
    /// The event in whose handling it was raised.
    pub causation_id: Option<EventId>,
    /// How many commits lie between it and the start of its story.
    pub hops: u32,
    /// The `traceparent` of who raised it.
    pub trace_context: Option<String>,
    /// Whatever else travels with it.
    pub headers: BTreeMap<String, String>,
}

impl Meta {
    /// The metadata of `event` as it enters its unit of work, at the start of a story of its own.
    ///
    /// In a test it is what a handler that takes `Meta` is called with.
    pub fn of(event: &AnyEvent, id: EventId) -> Self {
        Self::continuing(&Origin::default(), event, id, id.into())
    }

    /// The metadata of `event` as it enters a unit of work that continues `origin`, as part of the
    /// story `correlation_id`.
    #[doc(hidden)]
    pub fn continuing(
        origin: &Origin,
        event: &AnyEvent,
        id: EventId,
        correlation_id: CorrelationId,
    ) -> Self {
        Self {
            id,
            event_type: event.type_name(),
            version: event.version(),
            key: event.key(),
            occurred_at: event.occurred_at(),
            recorded_at: None,
            position: None,
            attempt: 1,
            is_replay: false,
            correlation_id,
            causation_id: origin.causation_id,
            hops: origin.hops,
            trace_context: origin.trace_context.clone(),
            headers: origin.headers.clone(),
        }
    }
}
