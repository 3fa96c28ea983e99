//! What was done in a world, beyond one entry after the other.

/// Something that is to be seen in some worlds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Entries were handled together.
    Batch,
    /// They were to be, and one of them failed.
    FailedBatch,
    /// An entry was handled once more.
    Replay,
    /// A replay was answered.
    FinishedReplay,
    /// A replay was gone on with by a term that had not begun it.
    ResumedReplay,
    /// The cursor was set back,
    SeekBack,
    /// or forth.
    SeekForth,
    /// A new type of event ended an epoch.
    Registration,
    /// A program tried an entry of a type that only a newer one knows.
    UnknownType,
    /// A handler had the subscription paused.
    Stop,
    /// Entries were sent together,
    Call,
    /// or were to be, and nobody was there.
    CallInVain,
    /// An entry arrived that had arrived before.
    Duplicate,
    /// An entry ended the session that it was sent in.
    EndOfSession,
    /// One of them was parked.
    ParkedAlone,
}

impl Deed {
    pub(crate) const ALL: [Self; 15] = [
        Self::Batch,
        Self::FailedBatch,
        Self::Replay,
        Self::FinishedReplay,
        Self::ResumedReplay,
        Self::SeekBack,
        Self::SeekForth,
        Self::Registration,
        Self::UnknownType,
        Self::Stop,
        Self::Call,
        Self::CallInVain,
        Self::Duplicate,
        Self::EndOfSession,
        Self::ParkedAlone,
    ];

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Batch => "batches",
            Self::FailedBatch => "failed batches",
            Self::Replay => "replayed entries",
            Self::FinishedReplay => "finished replays",
            Self::ResumedReplay => "resumed replays",
            Self::SeekBack => "seeks back",
            Self::SeekForth => "seeks forth",
            Self::Registration => "epochs ended by a new type",
            Self::UnknownType => "attempts at unknown types",
            Self::Stop => "stops",
            Self::Call => "batches sent",
            Self::CallInVain => "calls that found nobody",
            Self::Duplicate => "duplicates",
            Self::EndOfSession => "sessions ended by an entry",
            Self::ParkedAlone => "such entries parked",
        }
    }
}
