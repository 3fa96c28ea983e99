//! Entries that cannot be read.

use std::fmt;

use ensue_core::{Entry, Position, Timestamp};

/// The content of a position: an entry, or the reason why it cannot be read.
pub type Read = Result<Entry, UnreadableEntry>;

/// An entry that cannot be read, for example because another program or a person wrote it wrongly.
///
/// It keeps its position, so the entries before and after it can still be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableEntry {
    /// Its position in the log.
    pub position: Position,
    /// The name of its type, unless that is unreadable too.
    pub event_type: Option<String>,
    /// Its key. Also `None` if the key is unreadable: the entry then blocks no other entry.
    pub key: Option<String>,
    /// The time when it was stored, unless that is unreadable too.
    pub recorded_at: Option<Timestamp>,
    /// The unreadable column, and the cause. It MUST NOT contain any stored value.
    pub reason: String,
}

impl UnreadableEntry {
    /// Creates an unreadable entry with a known position and nothing else.
    pub fn new(position: Position, reason: impl Into<String>) -> Self {
        Self { position, event_type: None, key: None, recorded_at: None, reason: reason.into() }
    }
}

impl fmt::Display for UnreadableEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { position, reason, .. } = self;
        write!(f, "entry {position} cannot be read: {reason}")
    }
}

impl std::error::Error for UnreadableEntry {}

/// Returns the position of an entry, which is always readable.
pub fn position_of(read: &Read) -> Position {
    match read {
        Ok(entry) => entry.position,
        Err(unreadable) => unreadable.position,
    }
}

/// Returns the name of an entry's type, unless that is unreadable.
pub(crate) fn type_of(read: &Read) -> Option<&str> {
    match read {
        Ok(entry) => Some(&entry.envelope.event_type),
        Err(unreadable) => unreadable.event_type.as_deref(),
    }
}
