//! What goes between a process and the database.

use std::fmt;
use std::time::Duration;

use ensue::Position;
use ensue::subscription::{Change, Epoch, Request, TakeOver, Term};

use crate::brief::Brief;
use crate::process::ProcessId;
use crate::story::Entry;

/// Which part of the life of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) process: ProcessId,
    /// From one start of the process to its end.
    pub(crate) run: u32,
    pub(crate) term: u32,
}

/// What a process wants the answer for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Errand {
    /// It asked to be the owner at this time of its own clock.
    TakeOver {
        asked_at: Duration,
    },
    /// It asked for more time then.
    Renew {
        asked_at: Duration,
    },
    Release,
    /// It says which types of events it handles.
    Register,
    /// What there is as a term begins.
    Begin,
    /// What is new.
    Look,
    Read,
    /// Once more, up to this position.
    ReadAgain {
        last: Position,
    },
    Handle {
        work: Work,
        changes: Vec<Change>,
    },
    Record {
        changes: Vec<Change>,
    },
}

impl Errand {
    /// Whether it is work of a term.
    pub(crate) fn is_work(&self) -> bool {
        matches!(
            self,
            Self::Read | Self::ReadAgain { .. } | Self::Handle { .. } | Self::Record { .. }
        )
    }
}

/// What a handler is given: an entry, or a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) position: Position,
    /// Those that are handled together with it.
    pub(crate) rest: Vec<Position>,
    pub(crate) attempt: u32,
    pub(crate) is_replay: bool,
}

impl Work {
    pub(crate) fn entries(&self) -> impl Iterator<Item = Position> {
        std::iter::once(self.position).chain(self.rest.iter().copied())
    }

    pub(crate) fn contains(&self, position: Position) -> bool {
        self.entries().any(|entry| entry == position)
    }

    pub(crate) fn is_batch(&self) -> bool {
        !self.rest.is_empty()
    }
}

/// What the database is asked.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    /// What was read before only a mutant looks at.
    TakeOver {
        owner: String,
        length: Duration,
        read_before: Option<Box<Term>>,
    },
    Renew {
        epoch: Epoch,
        length: Duration,
    },
    Release {
        epoch: Epoch,
    },
    Register {
        types: &'static [&'static str],
    },
    Begin,
    Look {
        at_requests: bool,
    },
    Read {
        after: Position,
        rows: usize,
    },
    Commit(Commit),
}

/// A transaction, at its end.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) epoch: Epoch,
    /// What was handled in it, if anything was.
    pub(crate) effect: Option<Work>,
    pub(crate) changes: Vec<Change>,
    /// Whether the sender was the owner when the work began. Only a mutant looks at it.
    pub(crate) was_owner: bool,
}

/// What the database says.
#[derive(Debug, Clone)]
pub(crate) enum Answered {
    TakeOver(TakeOver),
    Renewed(bool),
    Released,
    Registered,
    Begun {
        head: Position,
        requests: Vec<Request>,
    },
    Sight {
        head: Position,
        requests: Option<Vec<Request>>,
    },
    Read(Vec<Entry>),
    Committed,
    /// Somebody else is the owner.
    Fenced,
    /// The database is not as the sender knows it.
    Refused,
}

/// No answer came, and none will.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lost;

impl fmt::Display for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TakeOver { .. } => f.write_str("to be the owner"),
            Self::Renew { .. } => f.write_str("for more time"),
            Self::Release => f.write_str("to be the owner no more"),
            Self::Register => f.write_str("to know which types it handles"),
            Self::Begin => f.write_str("what there is"),
            Self::Look => f.write_str("what is new"),
            Self::Read => f.write_str("for a page"),
            Self::ReadAgain { last } => write!(f, "for a page up to {last}, once more"),
            Self::Handle { work, changes } => {
                write!(f, "to commit the effect of {work} with {}", Brief(changes))
            }
            Self::Record { changes } => write!(f, "to commit {}", Brief(changes)),
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_replay {
            f.write_str("the replay of ")?;
        }
        write!(f, "{}", self.position)?;
        self.rest.iter().try_for_each(|position| write!(f, " + {position}"))
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TakeOver(TakeOver::Granted(term)) => write!(f, "epoch {}", term.epoch.get()),
            Self::TakeOver(TakeOver::Held { owner, .. }) => write!(f, "{owner} is"),
            Self::Renewed(true) => f.write_str("yes"),
            Self::Renewed(false) => f.write_str("no, the epoch is over"),
            Self::Released | Self::Registered => f.write_str("yes"),
            Self::Begun { head, requests } => {
                write!(f, "the log goes up to {head}, {} requests wait", requests.len())
            }
            Self::Sight { head, requests: None } => write!(f, "the log goes up to {head}"),
            Self::Sight { head, requests: Some(requests) } => {
                write!(f, "the log goes up to {head}, {} requests wait", requests.len())
            }
            Self::Read(entries) => write!(f, "{} entries", entries.len()),
            Self::Committed => f.write_str("committed"),
            Self::Fenced => f.write_str("fenced"),
            Self::Refused => f.write_str("refused"),
        }
    }
}
