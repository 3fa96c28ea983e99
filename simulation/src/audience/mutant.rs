//! Listeners that are broken deliberately.

/// A deliberate fault of a listener's shell, or of its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerMutant {
    /// Acknowledges messages when they begin, not after their commit.
    AcknowledgedEarly,
    /// Does not tell the machine that its session is lost.
    LostSessionIgnored,
    /// Drops a session at shutdown before the broker has processed its acknowledgements.
    NotFlushed,
    /// Hides that a message is redelivered.
    RedeliveryIgnored,
    /// Treats messages as if they had no key.
    KeysIgnored,
    /// Counts an outage of the database as a failed attempt.
    InterruptionIsFailure,
    /// Hides which message was being handled when the database connection was lost.
    NobodySuspected,
    /// Records an attempt again that is on record and has not begun.
    RecordedForgotten,
    /// Leaves the receipt out of the transaction of the effect.
    ReceiptLeftOut,
    /// Does not count the attempts at a suspect.
    AttemptNotRecorded,
    /// Takes a commit with an unknown outcome for done.
    DoubtIsDone,
    /// Commits only the first message of a batch.
    BatchHalfCommitted,
    /// Retries a refused dead letter unchanged.
    RefusalIsInterruption,
    /// Does not count the bytes of messages held.
    BytesIgnored,
}

impl ListenerMutant {
    /// All mutants.
    pub const ALL: [Self; 14] = [
        Self::AcknowledgedEarly,
        Self::LostSessionIgnored,
        Self::NotFlushed,
        Self::RedeliveryIgnored,
        Self::KeysIgnored,
        Self::InterruptionIsFailure,
        Self::NobodySuspected,
        Self::RecordedForgotten,
        Self::ReceiptLeftOut,
        Self::AttemptNotRecorded,
        Self::DoubtIsDone,
        Self::BatchHalfCommitted,
        Self::RefusalIsInterruption,
        Self::BytesIgnored,
    ];
}
