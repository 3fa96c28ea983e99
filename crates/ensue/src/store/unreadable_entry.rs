//! What stands at a position, also if it cannot be read.

use std::fmt;

use ensue_core::{Entry, Position, Timestamp};

/// What stands at a position: an entry, or the reason why it cannot be read.
pub type Read = Result<Entry, UnreadableEntry>;

/// An entry that cannot be read, such as one that another program, or a hand, wrote wrongly.
///
/// It keeps its position, so that what stands before and after it is read all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableEntry {
    /// Its place in the log.
    pub position: Position,
    /// The name of its type, unless that cannot be read either.
    pub event_type: Option<String>,
    /// What it must stay in order with. `None` also if that cannot be read: then it holds up no other
    /// entry.
    pub key: Option<String>,
    /// The time when it was stored, unless that cannot be read either.
    pub recorded_at: Option<Timestamp>,
    /// The column that cannot be read, and why. It MUST NOT have any stored value in it.
    pub reason: String,
}

impl UnreadableEntry {
    /// One of which nothing is known but its position.
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

/// The position of an entry, which can always be read.
pub fn position_of(read: &Read) -> Position {
    match read {
        Ok(entry) => entry.position,
        Err(unreadable) => unreadable.position,
    }
}

/// The name of an entry's type, unless that cannot be read.
pub(crate) fn type_of(read: &Read) -> Option<&str> {
    match read {
        Ok(entry) => Some(&entry.envelope.event_type),
        Err(unreadable) => unreadable.event_type.as_deref(),
    }
}
