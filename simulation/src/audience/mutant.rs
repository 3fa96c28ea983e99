//! Listeners that are broken on purpose.

/// Something that is done wrong on purpose: by the shell of a listener, or by its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerMutant {
    /// What is acknowledged is so when it begins, and not after its commit.
    AcknowledgedEarly,
    /// The machine is not told that its session is lost.
    LostSessionIgnored,
    /// A session that is shut down is dropped before the broker has heard what was acknowledged.
    NotFlushed,
    /// That a message may have been delivered before is not told.
    RedeliveryIgnored,
    /// Messages are as if they had no key.
    KeysIgnored,
    /// A database that is away counts as a failed attempt.
    InterruptionIsFailure,
    /// It is not told during whose handling the database was lost.
    NobodySuspected,
    /// An attempt that was recorded and has not begun is recorded once more.
    RecordedForgotten,
    /// The receipt is not in the transaction of the effect.
    ReceiptLeftOut,
    /// The attempts at a suspect are not counted.
    AttemptNotRecorded,
    /// A commit of which nothing is known is taken for done.
    DoubtIsDone,
    /// Of a batch only the first is committed.
    BatchHalfCommitted,
    /// What the database refuses as a dead letter is tried again as it was.
    RefusalIsInterruption,
    /// What is here is not counted in bytes.
    BytesIgnored,
}

impl ListenerMutant {
    /// All that there are.
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
