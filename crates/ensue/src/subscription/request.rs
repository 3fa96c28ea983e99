//! What operators ask of a subscription.

use ensue_core::{Position, Timestamp};

use super::FailureClass;

/// The number of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

impl RequestId {
    /// The request numbered `number`.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Something that somebody asks for, and the owner does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number: requests are done in the order of their numbers.
    pub id: RequestId,
    /// Of which subscription.
    pub subscription: String,
    /// What is asked for.
    pub command: Command,
    /// By whom, and why.
    pub reason: String,
    /// When, by the database's clock.
    pub requested_at: Timestamp,
    /// How far it has come, if it is a replay that has begun.
    pub replayed: Option<Replayed>,
    /// What has come of it; nothing yet if it was not done.
    pub answer: Option<Answer>,
}

/// How far a replay has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// The last position that was looked at.
    pub up_to: Position,
    /// How many entries up to there are handled once more.
    pub entries: u64,
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Try these at once, and as often as if they had never failed.
    Retry(Which),
    /// Take these for handled; what waits behind them is tried next.
    Skip(Which),
    /// Begin nothing any more.
    Pause,
    /// Go on.
    Resume,
    /// Go on after this position, back or forth.
    Seek {
        /// The last position that is taken for handled.
        to: Position,
    },
    /// Handle these once more, as [replays](crate::Meta::is_replay); the cursor stays where it is.
    Replay {
        /// The first position,
        first: Position,
        /// and the last.
        last: Position,
    },
    /// The stored command cannot be read, for example because a newer program wrote it. The owner refuses
    /// it, so that it blocks no other request. You cannot request it.
    Unreadable {
        /// The reason.
        why: String,
    },
}

impl Command {
    /// The word for it in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Retry(_) => "retry",
            Self::Skip(_) => "skip",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Seek { .. } => "seek",
            Self::Replay { .. } => "replay",
            Self::Unreadable { .. } => "unreadable",
        }
    }

    /// The entries that it is about, if it is about entries.
    pub const fn which(&self) -> Option<&Which> {
        match self {
            Self::Retry(which) | Self::Skip(which) => Some(which),
            Self::Pause
            | Self::Resume
            | Self::Seek { .. }
            | Self::Replay { .. }
            | Self::Unreadable { .. } => None,
        }
    }
}

/// Which of the entries that are set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one at this position.
    Entry(Position),
    /// The first of this key, which the others wait for.
    Key(String),
    /// Those that are parked.
    Parked {
        /// Of this class only.
        class: Option<FailureClass>,
        /// The first so many.
        at_most: u64,
    },
}

/// What has come of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done {
        /// How many steps of progress it was; of a replay, how many entries were tried once more.
        changed: u64,
    },
    /// Nothing was changed.
    Refused {
        /// Why not.
        why: String,
    },
}
