//! What has become of what arrived.

/// What has become of the messages of a listener in this process, since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ListenerCounts {
    /// Messages that were handled.
    pub handled: u64,
    /// Messages that had been handled before.
    pub duplicates: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Messages that became dead letters.
    pub dead: u64,
    /// Messages that nobody here handles, and that are let pass.
    pub passed_by: u64,
    /// Messages that had, or may have, arrived before.
    pub redelivered: u64,
    /// Messages that were handled after a later one of their key and source, since they arrived too late
    /// for anything else.
    pub out_of_order: u64,
    /// Sessions that were lost, or could not be had.
    pub lost_sessions: u64,
    /// Pieces of work that could not get through to the database.
    pub interruptions: u64,
    /// Messages that are here, and not done with.
    pub waiting: u64,
}
