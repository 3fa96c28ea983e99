//! A row of the book's table.

use std::collections::BTreeMap;

use ensue::{CorrelationId, Envelope, EventId, Timestamp};

/// A row of the table `evententry`, column by column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventEntry {
    /// What orders the rows. There may be gaps between them: the log has none.
    pub id: i64,
    /// The name of the event's class, such as `com.myshop.order.command.domain.OrderCanceledEvent`.
    pub event_type: String,
    /// The payload's media type.
    pub content_type: String,
    /// The payload, byte for byte.
    pub payload: Vec<u8>,
    /// When it happened.
    pub timestamp: Timestamp,
}

impl EventEntry {
    /// The row as an event that begins a story of its own.
    pub(super) fn into_envelope(self, id: EventId, key: Option<String>) -> Envelope {
        Envelope {
            id,
            event_type: self.event_type.into(),
            version: 1,
            key,
            content_type: self.content_type.into(),
            payload: self.payload,
            occurred_at: self.timestamp,
            correlation_id: CorrelationId::from(id),
            causation_id: None,
            hops: 0,
            trace_context: None,
            headers: BTreeMap::new(),
        }
    }
}
