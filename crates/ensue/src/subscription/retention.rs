//! What of the log may be forgotten.

use ensue_core::Position;

/// What pruning does with entries that a subscription still needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unhandled {
    /// They stay, and all after them.
    Keep,
    /// They are forgotten: never handled by whoever had not handled them.
    Drop,
}

/// What has come of pruning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// The oldest position that is left; of an empty log, the next one that is given.
    pub oldest: Position,
    /// The subscription that needs the oldest entry, if that kept more from being forgotten.
    pub held_by: Option<String>,
}
