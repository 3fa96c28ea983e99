//! What is stored of a subscription.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ensue_core::{Position, Timestamp};

use super::{Answer, Replayed, RequestId};
use crate::store::UnreadableEntry;

/// The number of an owner's term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// The term numbered `number`.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// The answer to who asked to be the owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakeOver {
    /// You are.
    Granted(Term),
    /// Somebody else is.
    Held {
        /// Who.
        owner: String,
        /// For how long, unless the lease is renewed.
        remaining: Duration,
    },
}

/// What a new owner starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The number of the term.
    pub epoch: Epoch,
    /// The last position that needs no handling any more, but for what is set aside.
    pub cursor: Position,
    /// What has been handled above the cursor.
    pub receipts: Vec<Position>,
    /// Everything set aside, in the order of positions.
    pub set_aside: Vec<SetAside>,
    /// Every type of event that it was ever registered with.
    pub event_types: Vec<String>,
    /// Whether it is paused.
    pub paused: bool,
    /// Whether the owner before handed it over, or was this one: it has left nothing half done.
    pub is_handed_over: bool,
}

/// That somebody owns a subscription, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which.
    pub subscription: String,
    /// Who.
    pub owner: String,
    /// Whether it is the owner; otherwise it stands by.
    pub is_owner: bool,
}

/// One step of a subscription's progress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The cursor moves up to this position.
    Advance {
        /// The last position that needs no handling any more, but for what is set aside.
        to: Position,
    },
    /// The entry at this position, above the cursor, is handled.
    Receipt {
        /// Which.
        position: Position,
    },
    /// The receipts up to here are needed no more, since the cursor has passed them.
    Forget {
        /// The last of them.
        up_to: Position,
    },
    /// This entry is set aside, or its state there is now this.
    SetAside(SetAside),
    /// The entry at this position is set aside no more: it was handled.
    Settle {
        /// Which.
        position: Position,
    },
    /// The subscription is paused.
    Pause {
        /// Why.
        reason: String,
    },
    /// It is paused no more.
    Resume,
    /// The cursor is set to this position, back or forth; receipts, and what is set aside after it,
    /// are dropped.
    Seek {
        /// The last position that is taken for handled.
        to: Position,
    },
    /// A replay has come as far as this.
    Replayed {
        /// Who asked for it.
        request: RequestId,
        /// How far.
        replayed: Replayed,
    },
    /// This has come of a request.
    Answer {
        /// Which.
        request: RequestId,
        /// What.
        answer: Answer,
    },
}

/// An entry that is out of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it stands in the log.
    pub position: Position,
    /// What it must stay in order with; an entry without a key is its own.
    pub key: Option<String>,
    /// What becomes of it.
    pub state: SetAsideState,
    /// How many attempts have failed.
    pub attempts: u32,
    /// How the last attempt failed; nothing if there was none.
    pub failure: Option<Failure>,
    /// Whether it was handled before, and is to be once more.
    pub is_replay: bool,
}

/// What becomes of an entry that is set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetAsideState {
    /// It is tried again at this time.
    Retrying {
        /// When.
        next_attempt_at: Timestamp,
    },
    /// Its last attempt has failed: a dead letter.
    Parked,
    /// It waits behind an earlier entry of its key.
    Queued,
}

impl SetAsideState {
    /// The word for it in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retrying { .. } => "retrying",
            Self::Parked => "parked",
            Self::Queued => "queued",
        }
    }

    pub(crate) const fn is_retrying(self) -> bool {
        matches!(self, Self::Retrying { .. })
    }

    /// When it is tried again.
    pub const fn next_attempt_at(self) -> Option<Timestamp> {
        match self {
            Self::Retrying { next_attempt_at } => Some(next_attempt_at),
            Self::Parked | Self::Queued => None,
        }
    }

    /// The state that [`name`](Self::name) and [`next_attempt_at`](Self::next_attempt_at) describe.
    pub fn from_parts(name: &str, next_attempt_at: Option<Timestamp>) -> Option<Self> {
        match (name, next_attempt_at) {
            ("retrying", Some(next_attempt_at)) => Some(Self::Retrying { next_attempt_at }),
            ("parked", None) => Some(Self::Parked),
            ("queued", None) => Some(Self::Queued),
            _ => None,
        }
    }
}

/// What a handler's error says of another attempt.
#[cfg_attr(not(feature = "simulation"), expect(unreachable_pub, reason = "for the simulation"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: the policy says when.
    Again,
    /// Not before this time has passed.
    After(Duration),
    /// It would end alike.
    Never,
    /// It would end alike, and so may others: somebody has to look.
    Stop,
}

/// How an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// In which way.
    pub class: FailureClass,
    /// In whose words.
    pub message: String,
}

impl Failure {
    /// LIMIT: as much of an error's text is stored; enough for a chain of causes, and a stack trace
    /// in it cannot fill the table.
    const MESSAGE_BYTES_MAX: usize = 4096;

    /// A failure in the way of `class`, in the words of `error`.
    pub fn new(class: FailureClass, error: impl fmt::Display) -> Self {
        // Not every database stores a NUL in text: recording the failure would fail again and again.
        let mut message = error.to_string().replace('\0', "\u{fffd}");
        message.truncate(message.floor_char_boundary(Self::MESSAGE_BYTES_MAX));
        Self { class, message }
    }
}

impl From<UnreadableEntry> for Failure {
    fn from(unreadable: UnreadableEntry) -> Self {
        Self::new(FailureClass::Unreadable, unreadable)
    }
}

/// In which way an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureClass {
    /// The handler returned an error.
    Handler,
    /// The handler panicked.
    Panic,
    /// The handler took longer than it may.
    Deadline,
    /// The payload is not one of the event's type.
    Undecodable,
    /// The entry cannot be read: another program wrote it wrongly, or it is no longer in the log. Or an
    /// incoming message is not an event.
    Unreadable,
    /// The payload is of a version that only a newer program knows, such as one that is being
    /// rolled out.
    Newer,
    /// The subscription has no handler for events of its type, although it once had one, or another
    /// program that runs it has: it was renamed, removed, or is being rolled out.
    UnknownType,
    /// The process ended while it was handled, or another entry beside it.
    Crash,
    /// The handler's work could not be committed because the database failed or the connection to it
    /// was lost.
    Commit,
    /// It was sent, and nobody would have received it.
    Unroutable,
    /// It was sent, and refused.
    Rejected,
    /// It was sent, and nobody knows whether it was received.
    Unconfirmed,
}

impl FailureClass {
    const ALL: [Self; 12] = [
        Self::Handler,
        Self::Panic,
        Self::Deadline,
        Self::Undecodable,
        Self::Unreadable,
        Self::Newer,
        Self::UnknownType,
        Self::Crash,
        Self::Commit,
        Self::Unroutable,
        Self::Rejected,
        Self::Unconfirmed,
    ];

    /// The word for it in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Handler => "handler",
            Self::Panic => "panic",
            Self::Deadline => "deadline",
            Self::Undecodable => "undecodable",
            Self::Unreadable => "unreadable",
            Self::Newer => "newer",
            Self::UnknownType => "unknown-type",
            Self::Crash => "crash",
            Self::Commit => "commit",
            Self::Unroutable => "unroutable",
            Self::Rejected => "rejected",
            Self::Unconfirmed => "unconfirmed",
        }
    }

    /// Whether it is no sign that what the handler depends on is away: no handler was called, or the
    /// other side has answered for this entry.
    pub(crate) const fn is_of_the_entry(self) -> bool {
        match self {
            Self::Undecodable
            | Self::Unreadable
            | Self::Newer
            | Self::UnknownType
            | Self::Unroutable => true,
            Self::Handler
            | Self::Panic
            | Self::Deadline
            | Self::Crash
            | Self::Commit
            | Self::Rejected
            | Self::Unconfirmed => false,
        }
    }

    /// Whether another attempt may end otherwise without anybody's doing.
    pub(crate) const fn is_retryable(self) -> bool {
        match self {
            Self::Handler
            | Self::Panic
            | Self::Deadline
            | Self::Newer
            | Self::UnknownType
            | Self::Crash
            | Self::Commit
            | Self::Unroutable
            | Self::Rejected
            | Self::Unconfirmed => true,
            Self::Undecodable | Self::Unreadable => false,
        }
    }
}

impl FromStr for FailureClass {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|class| class.name() == name);
        found.ok_or_else(|| format!("no class of failure is called `{name}`"))
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a subscription stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionStatus {
    /// The last position that needs no handling any more, but for what is set aside.
    pub cursor: Position,
    /// Everything set aside, in the order of positions.
    pub set_aside: Vec<SetAside>,
    /// Who runs it; nobody if no lease runs.
    pub owner: Option<String>,
    /// Why it is paused, if it is.
    pub paused: Option<String>,
    /// The reason for its [retirement](crate::Operator::retire), if it is retired.
    pub retired: Option<String>,
}

impl SubscriptionStatus {
    /// Whether everything up to `position` has been handled; what is handled once more has been.
    pub fn has_handled(&self, position: Position) -> bool {
        let mut unhandled = self.set_aside.iter().filter(|entry| !entry.is_replay);
        self.cursor >= position && unhandled.all(|entry| entry.position > position)
    }
}
