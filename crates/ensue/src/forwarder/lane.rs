//! What must stay in order.

use ensue_core::Position;

/// A key; or an entry that has none, which is its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Lane {
    Key(String),
    Entry(Position),
}

impl Lane {
    pub(crate) fn of(key: Option<&str>, position: Position) -> Self {
        key.map_or(Self::Entry(position), |key| Self::Key(key.to_owned()))
    }

    /// The key, of those that have one.
    pub(crate) fn key(&self) -> Option<String> {
        match self {
            Self::Key(key) => Some(key.clone()),
            Self::Entry(_) => None,
        }
    }
}
