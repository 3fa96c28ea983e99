//! A process that follows the log: a model of the library's shell, as data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use ensue::simulation::{Follower, Lease, Succession, Verdict};
use ensue::subscription::{Epoch, Request, RequestId, Term};
use ensue::{Position, Timestamp};

use crate::letter::Work;
use crate::story::Entry;

/// Which process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProcessId(pub(crate) usize);

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.0 + 1)
    }
}

/// What a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// It does not know the new type of event.
    Older,
    Newer,
}

impl Program {
    /// The types of events that it registers.
    pub(crate) fn types(self) -> &'static [&'static str] {
        match self {
            Self::Older => &[OLD_TYPE],
            Self::Newer => &[OLD_TYPE, NEW_TYPE],
        }
    }

    /// Whether it has a handler for the type of `entry`, or knows that nobody has.
    pub(crate) fn knows(self, entry: &Entry) -> bool {
        self == Self::Newer || !entry.is_new
    }
}

/// A type of event that every program knows,
pub(crate) const OLD_TYPE: &str = "old";

/// and one that only the newer one does.
pub(crate) const NEW_TYPE: &str = "new";

pub(crate) struct Process {
    /// What it runs from its next start on,
    pub(crate) installed: Program,
    /// and what it runs now.
    pub(crate) program: Program,
    /// How often it was started.
    pub(crate) run: u32,
    /// How often it began a term, or ended one, whatever its run.
    pub(crate) term: u32,
    pub(crate) role: Role,
    pub(crate) lease: Lease,
    pub(crate) succession: Succession,
    /// Terms in a row that were interrupted.
    pub(crate) interruptions: u32,
    pub(crate) stopping: bool,
    /// Nothing of it runs before.
    pub(crate) stalled_until: Duration,
    pub(crate) clocks: Clocks,
    pub(crate) watch: Watch,
    /// The last time that it was told to look around; earlier ones do not count.
    pub(crate) turn: u64,
}

/// What it does about its subscription.
pub(crate) enum Role {
    Down,
    /// It says which types of events it handles.
    Registering,
    /// It asks to be the owner, or waits to.
    StandingBy {
        asking: bool,
    },
    /// It is the owner, and reads what is asked for.
    Beginning(Box<Beginning>),
    Following(Box<Following>),
    /// A term was interrupted; until this time of its own clock.
    Pausing {
        until: Duration,
        epoch: Epoch,
    },
}

pub(crate) struct Beginning {
    pub(crate) term: Term,
    /// The requests that were seen before.
    pub(crate) seen: BTreeSet<RequestId>,
}

pub(crate) struct Following {
    pub(crate) epoch: Epoch,
    pub(crate) follower: Follower,
    pub(crate) told: BTreeSet<RequestId>,
    /// When it asked for more time, by its own clock.
    pub(crate) renewing: Option<Duration>,
    /// When the lease is to be looked at again, by its own clock.
    pub(crate) keep_at: Duration,
    /// Whether the term began with the new type among those that are handled.
    pub(crate) was_told_of_new: bool,
    /// What is under way, by its first position.
    pub(crate) under_way: BTreeMap<Position, Work>,
    /// The attempts that failed and are not recorded yet.
    pub(crate) failed: BTreeMap<Position, Verdict>,
    /// Those that were in a batch which failed.
    pub(crate) spoiled: BTreeSet<Position>,
    pub(crate) recording: bool,
    pub(crate) sending: Sending,
}

/// What it knows of what it has sent.
#[derive(Default)]
pub(crate) struct Sending {
    /// What is under way, by its first position.
    pub(crate) calls: BTreeMap<Position, SentCall>,
    /// What is known to be delivered.
    pub(crate) delivered: BTreeSet<Position>,
    /// The last time, by its clock on the wall, that there was nobody to send to; unless somebody was
    /// since.
    pub(crate) unheard_at: Option<Timestamp>,
}

pub(crate) struct SentCall {
    /// It is not of what was set aside.
    pub(crate) is_fresh: bool,
    /// Something else was under way at some time.
    pub(crate) was_beside_another: bool,
}

/// How its clocks go.
pub(crate) struct Clocks {
    /// When its own clock, which nobody sets, was zero.
    pub(crate) started: Duration,
    /// How far that one goes in a million microseconds.
    pub(crate) rate: u32,
    /// How far its clock on the wall is ahead, in microseconds.
    pub(crate) ahead: i64,
}

impl Clocks {
    const EXACT: u128 = 1_000_000;

    /// What its own clock shows.
    pub(crate) fn own(&self, now: Duration) -> Duration {
        let passed = now.saturating_sub(self.started).as_nanos();
        nanos(passed * u128::from(self.rate) / Self::EXACT)
    }

    /// When its own clock shows `own`, or just after that.
    pub(crate) fn when(&self, own: Duration) -> Duration {
        let passed = (own.as_nanos() * Self::EXACT).div_ceil(u128::from(self.rate));
        self.started + nanos(passed)
    }

    /// What its clock on the wall shows.
    pub(crate) fn wall(&self, now: Duration) -> Timestamp {
        let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(now.saturating_add(self.ahead))
    }
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// What it saw of the database last, and how it comes to see more.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) head: Option<Position>,
    pub(crate) requests: Vec<Request>,
    /// When it looked at requests last, by its own clock.
    pub(crate) looked_at_requests: Option<Duration>,
    pub(crate) looking: bool,
    /// It was woken while it was looking.
    pub(crate) look_again: bool,
    /// The last time that it was told to look; earlier ones do not count.
    pub(crate) poll: u64,
}

impl Process {
    pub(crate) fn following(&mut self) -> Option<&mut Following> {
        match &mut self.role {
            Role::Following(following) => Some(following),
            _ => None,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        !matches!(self.role, Role::Down)
    }
}
