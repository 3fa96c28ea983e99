//! A line of the audit trail as JSON.

use serde::{Deserialize, Serialize};

use crate::application::AuditEntry;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AuditEntryBody {
    pub(crate) event_id: String,
    pub(crate) event_type: String,
    pub(crate) occurred_at_us: i64,
}

impl From<AuditEntry> for AuditEntryBody {
    fn from(entry: AuditEntry) -> Self {
        Self {
            event_id: entry.event_id.to_string(),
            event_type: entry.event_type,
            occurred_at_us: entry.occurred_at.as_micros(),
        }
    }
}
