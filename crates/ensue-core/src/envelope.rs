//! An event as it is stored.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::{CorrelationId, EventId, InvalidName, Meta, NameRule, Position, Timestamp};

/// An event's payload with its metadata: what an append stores and a read returns, unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What recognises the event for ever.
    pub id: EventId,
    /// The stable name of its type.
    pub event_type: Cow<'static, str>,
    /// The version of the payload's shape.
    pub version: u32,
    /// What it must stay in order with.
    pub key: Option<String>,
    /// The payload's media type.
    pub content_type: Cow<'static, str>,
    /// The payload, byte for byte.
    pub payload: Vec<u8>,
    /// When it happened, by the clock of who raised it.
    pub occurred_at: Timestamp,
    /// What all events of its story share.
    pub correlation_id: CorrelationId,
    /// The event in whose handling it was raised.
    pub causation_id: Option<EventId>,
    /// How many commits lie between it and the start of its story.
    pub hops: u32,
    /// The `traceparent` ([W3C Trace Context](https://www.w3.org/TR/trace-context/)) of who raised
    /// it.
    pub trace_context: Option<String>,
    /// Whatever else travels with it.
    pub headers: BTreeMap<String, String>,
}

/// An envelope at its position in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub position: Position,
    /// When it was stored, by the database's clock.
    pub recorded_at: Timestamp,
    /// The event.
    pub envelope: Envelope,
}

impl Envelope {
    /// Checks every name and text except the payload. Call it before you store the envelope.
    ///
    /// # Errors
    /// Returns an error if one of them breaks its [rule](NameRule). It never shows the value of a header.
    pub fn check(&self) -> Result<(), InvalidName> {
        NameRule::EVENT_TYPE.check(&self.event_type)?;
        NameRule::CONTENT_TYPE.check(&self.content_type)?;
        NameRule::CORRELATION_ID.check(self.correlation_id.as_str())?;
        self.key.as_deref().map_or(Ok(()), |key| NameRule::KEY.check(key))?;
        let trace_context = self.trace_context.as_deref();
        trace_context.map_or(Ok(()), |text| NameRule::TRACE_CONTEXT.check(text))?;
        for (name, value) in &self.headers {
            NameRule::HEADER_NAME.check(name)?;
            NameRule::HEADER_VALUE.check_as(|| format!("the value of header `{name}`"), value)?;
        }
        Ok(())
    }

    /// What a handler is told about the event at its `attempt`th attempt, counted from 1, wherever it
    /// came from.
    pub fn meta(&self, attempt: u32) -> Meta {
        Meta {
            id: self.id,
            event_type: self.event_type.clone(),
            version: self.version,
            key: self.key.clone(),
            occurred_at: self.occurred_at,
            recorded_at: None,
            position: None,
            attempt,
            is_replay: false,
            correlation_id: self.correlation_id.clone(),
            causation_id: self.causation_id,
            hops: self.hops,
            trace_context: self.trace_context.clone(),
            headers: self.headers.clone(),
        }
    }
}

impl Entry {
    /// What a handler is told about the entry at its `attempt`th attempt, counted from 1.
    pub fn meta(&self, attempt: u32) -> Meta {
        let mut meta = self.envelope.meta(attempt);
        meta.recorded_at = Some(self.recorded_at);
        meta.position = Some(self.position);
        meta
    }
}
