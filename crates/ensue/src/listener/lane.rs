//! What must stay in order.

use ensue_core::EventId;

/// A key; or an event that has none, which is its own. What arrives twice is in one lane either way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// The lane of a key.
    Key(String),
    /// The lane of an event without a key.
    Event(EventId),
}

impl Lane {
    pub(crate) fn of(key: Option<&str>, id: EventId) -> Self {
        key.map_or(Self::Event(id), |key| Self::Key(key.to_owned()))
    }
}
