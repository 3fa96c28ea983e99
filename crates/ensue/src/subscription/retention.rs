//! What of the log may be forgotten.

use ensue_core::Position;

use crate::Error;

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

/// The error for a process that wants to run a retired subscription.
pub(crate) fn retired(subscription: &str, reason: &str) -> Error {
    Error::configuration(format!(
        "subscription `{subscription}` was retired ({reason}); give the new one another name, or continue \
         the old one with `SubscriptionBuilder::revive`"
    ))
}

/// The error for a subscription that cannot be retired because a process runs it.
pub(crate) fn held_by(subscription: &str, owner: &str) -> Error {
    Error::configuration(format!(
        "subscription `{subscription}` cannot be retired: process `{owner}` runs it; deploy a program \
         without the subscription first"
    ))
}
