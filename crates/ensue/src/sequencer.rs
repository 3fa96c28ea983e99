//! When to move what is committed into the log, and how much of it at once: a pure machine and the
//! shell around it, for stores whose writers append to an outbox and wait for nobody.
//!
//! On a server with many writers no position can be given at the append without holding all of them
//! up. There, transactions leave their events in an *outbox*, and a *sequencer* moves what is
//! committed into the log and numbers it, in short transactions, its *passes*. Any process may run
//! one; a lock makes sure that there is one pass at a time. This machine says what a sequencer does
//! next; the store's own part is to do it and to say what came of it.
//!
//! A pass reads the rows that became visible after a *horizon*: what the last complete pass saw, and on
//! which server. The store keeps it; this machine never sees it. So the cost of a pass depends only on
//! the new rows. A complete survey finds the first horizon, and a new one after a change of server.
//! A periodic complete survey finds rows that were put below the horizon by hand.

mod running;
mod signals;

use std::ops::Range;
use std::time::Duration;

pub use running::{Passes, run};
pub use signals::Signals;

/// LIMIT: what one pass moves. Some tenths of a second's work, so that readers see a backlog move,
/// and no lock is held for long; and far below the servers' limits for a transaction.
const PORTION_MAX: Portion = Portion { rows: 20_000, bytes: 16 << 20 };

/// How long after a pass that moved something is looked for more that nobody told of.
const SHORTEST_POLL: Duration = Duration::from_millis(5);

/// Between two attempts at a lock that another process holds for a pass of its own. That pass may
/// have begun before what we were told of was committed, so it does not do for ours.
const BUSY_PAUSE: Duration = Duration::from_micros(1_500);

/// Number of failed attempts at the lock after which the pause doubles,
const BUSY_ATTEMPTS: u32 = 8;

/// and the maximum number of doublings. A pass may hang, for example on a synchronous standby.
const BUSY_DOUBLINGS: u32 = 5;

/// LIMIT: how long a sequencer rests after a pass, in times of what the pass took. Each pass is a commit
/// of its own, which the disk does in turn with those of the writers; with a few of them at once, more
/// and smaller passes only make everybody slower, and the log no sooner.
const REST_MAX: u32 = 4;

/// Rows of a pass after which it does not rest. Who commits now and then is not made to wait.
const ROWS_WITHOUT_REST: u64 = 2;

/// LIMIT: however long a pass took, what is committed then waits for no longer.
const LONGEST_REST: Duration = Duration::from_millis(5);

/// After a first failure; doubled at each further one,
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// up to this: what was committed meanwhile waits for no longer once the server is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Number of reduced portions that must fit before the sequencer tries larger ones again.
const FITTING_PORTIONS: u32 = 32;

/// Minimum time between two complete surveys.
const SURVEY_PAUSE: Duration = Duration::from_secs(10);

/// LIMIT: complete surveys take up to one part in `SURVEY_SHARE` of the time, however large the outbox is:
/// moved rows stay there for as long as another session may still see them.
const SURVEY_SHARE: u32 = 100;

/// What a sequencer does next. See the [module](self).
#[derive(Debug)]
pub struct Sequencer {
    longest_poll: Duration,
    moves: Moves,
    /// The time of the next complete survey.
    survey_due: Duration,
    is_demanded: bool,
    portion: Portion,
    chunks: Range<u32>,
    /// Portions moved since the last one that did not fit.
    fitting: u32,
    poll: Duration,
    failures: u32,
    /// Consecutive failed attempts at the lock.
    busy: u32,
    /// The time when the last pass or survey began.
    began_at: Duration,
    /// Until then only a demand is met.
    rests_until: Duration,
    wait: Wait,
}

/// Maximum size of one move. A single row is moved whatever its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// Maximum number of rows.
    pub rows: u32,
    /// Maximum number of bytes in these rows.
    pub bytes: u64,
}

impl Portion {
    fn half(self) -> Self {
        Self { rows: (self.rows / 2).max(1), bytes: (self.bytes / 2).max(1) }
    }

    fn double(self) -> Self {
        let Self { rows, bytes } = PORTION_MAX;
        Self {
            rows: self.rows.saturating_mul(2).min(rows),
            bytes: self.bytes.saturating_mul(2).min(bytes),
        }
    }
}

/// When the sequencer moves anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moves {
    /// As soon as there is something.
    AtOnce,
    /// Only when somebody demands it; otherwise it looks whether others have.
    OnDemand,
}

/// What it waits for.
#[derive(Debug, Clone, Copy)]
enum Wait {
    /// For a word that something was committed; at this time it looks by itself.
    ForWord { until: Duration },
    /// Before it goes on with what it was about to do.
    ToGoOn { at: Duration },
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Nothing but time has passed.
    Tick,
    /// Something was committed.
    Committed,
    /// A caller waits for a whole pass that begins after this.
    Demanded,
    /// A [`Peek`](Action::Peek) has looked.
    Peeked {
        /// Whether something waits in the outbox.
        is_waiting: bool,
        /// Whether the log has grown since the last look.
        has_grown: bool,
    },
    /// A [`Pass`](Action::Pass) has moved so many rows.
    Passed {
        /// How many.
        moved: u64,
        /// Whether there was no more that it could have moved.
        is_whole: bool,
    },
    /// Another process is at it.
    Busy,
    /// A pass has found more than it may move at once, and moved nothing.
    TooMany,
    /// A [`Survey`](Action::Survey) has cut what waits into so many chunks.
    Surveyed {
        /// How many.
        chunks: u32,
        /// True if the survey was complete.
        is_complete: bool,
    },
    /// There is no horizon, or it belongs to another server: a complete survey is needed.
    Unknown,
    /// A [`PassChunk`](Action::PassChunk) has moved its chunk.
    ChunkPassed,
    /// The action exceeded our timeout, the server's, or the server's limits for a transaction. It changed
    /// nothing.
    TooLarge,
    /// What was to be done failed.
    Failed,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Nothing until this time, or until there is word of something.
    WaitUntil(Duration),
    /// Check for new rows, as cheaply as possible.
    Peek,
    /// Move the new rows, if they fit into one move.
    Pass {
        /// What may be moved at once.
        portion: Portion,
    },
    /// Cut what waits into chunks in the order of the appends.
    Survey {
        /// True to survey everything, rather than only new rows.
        is_complete: bool,
        /// Maximum size of a chunk.
        portion: Portion,
    },
    /// Move a chunk of the last survey.
    PassChunk {
        /// Which, counted from 0.
        chunk: u32,
    },
}

impl Sequencer {
    /// A sequencer that looks for what nobody told of at least every `longest_poll`.
    pub fn new(moves: Moves, longest_poll: Duration) -> Self {
        Self {
            longest_poll,
            moves,
            survey_due: Duration::ZERO,
            is_demanded: false,
            portion: PORTION_MAX,
            chunks: 0..0,
            fitting: 0,
            poll: SHORTEST_POLL.min(longest_poll),
            failures: 0,
            busy: 0,
            began_at: Duration::ZERO,
            rests_until: Duration::ZERO,
            wait: Wait::ForWord { until: Duration::ZERO },
        }
    }

    /// What to do `now`, a time of a clock that never goes back, after `input`.
    pub fn step(&mut self, now: Duration, input: Input) -> Action {
        let action = self.decide(now, input);
        if let Action::Pass { .. } | Action::Survey { .. } = action {
            self.began_at = now;
        }
        action
    }

    fn decide(&mut self, now: Duration, input: Input) -> Action {
        match input {
            Input::Tick => self.wake(now),
            Input::Committed => self.hear(now),
            Input::Demanded => {
                self.is_demanded = true;
                self.hear(now)
            }
            Input::Peeked { is_waiting, has_grown } => self.peeked(now, is_waiting, has_grown),
            Input::Passed { moved, is_whole } => self.passed(now, moved, is_whole),
            Input::Busy => self.try_again(now),
            Input::TooMany => Action::Survey { is_complete: false, portion: self.portion },
            Input::Surveyed { chunks, is_complete } => self.surveyed(now, chunks, is_complete),
            Input::Unknown => {
                self.survey_due = now;
                self.failed(now)
            }
            Input::ChunkPassed => self.chunk_passed(now),
            Input::TooLarge if self.portion.rows > 1 => self.try_less(now),
            Input::TooLarge | Input::Failed => self.failed(now),
        }
    }

    fn wake(&mut self, now: Duration) -> Action {
        match self.wait {
            Wait::ForWord { until: at } | Wait::ToGoOn { at } if now < at => Action::WaitUntil(at),
            Wait::ForWord { .. } | Wait::ToGoOn { .. } if !self.may_move() => Action::Peek,
            Wait::ToGoOn { .. } => self.go_on(now),
            Wait::ForWord { .. } if now >= self.survey_due => self.go_on(now),
            Wait::ForWord { .. } => Action::Peek,
        }
    }

    fn hear(&mut self, now: Duration) -> Action {
        match self.wait {
            Wait::ToGoOn { at } if now < at && at != self.rests_until => Action::WaitUntil(at),
            Wait::ForWord { .. } | Wait::ToGoOn { .. } if !self.may_move() => {
                self.listen(now, SHORTEST_POLL)
            }
            Wait::ForWord { .. } | Wait::ToGoOn { .. } if self.rests(now) => {
                self.go_on_at(self.rests_until)
            }
            Wait::ForWord { .. } | Wait::ToGoOn { .. } => self.go_on(now),
        }
    }

    fn rests(&self, now: Duration) -> bool {
        now < self.rests_until && !self.is_demanded
    }

    fn may_move(&self) -> bool {
        self.moves == Moves::AtOnce || self.is_demanded
    }

    fn peeked(&mut self, now: Duration, is_waiting: bool, has_grown: bool) -> Action {
        self.failures = 0;
        if is_waiting && self.may_move() {
            return self.go_on(now);
        }
        self.listen(now, if has_grown { SHORTEST_POLL } else { self.poll * 2 })
    }

    fn passed(&mut self, now: Duration, moved: u64, is_whole: bool) -> Action {
        self.succeeded();
        if !is_whole {
            self.fit();
            return self.go_on(now);
        }
        self.is_demanded = false;
        self.rests_until = now + self.rest(now, moved);
        self.try_more();
        self.listen(now, if moved > 0 { SHORTEST_POLL } else { self.poll * 2 })
    }

    /// The busier the writers are, the longer.
    fn rest(&self, now: Duration, moved: u64) -> Duration {
        let took = now.saturating_sub(self.began_at);
        let times = moved.saturating_sub(ROWS_WITHOUT_REST).try_into().unwrap_or(REST_MAX);
        (took * REST_MAX.min(times)).min(LONGEST_REST)
    }

    fn surveyed(&mut self, now: Duration, chunks: u32, is_complete: bool) -> Action {
        self.chunks = 0..chunks;
        if is_complete {
            let took = now.saturating_sub(self.began_at);
            self.survey_due = now + (took * SURVEY_SHARE).max(SURVEY_PAUSE);
        }
        self.go_on(now)
    }

    fn chunk_passed(&mut self, now: Duration) -> Action {
        self.succeeded();
        self.chunks.next();
        if self.fit() {
            self.chunks = 0..0;
        }
        self.go_on(now)
    }

    /// Notes that a portion of a backlog fitted. Returns true if the next portions are larger.
    fn fit(&mut self) -> bool {
        self.fitting += 1;
        let may_grow = self.portion != PORTION_MAX && self.fitting >= FITTING_PORTIONS;
        if may_grow {
            self.try_more();
        }
        may_grow
    }

    fn try_less(&mut self, now: Duration) -> Action {
        self.portion = self.portion.half();
        (self.chunks, self.fitting) = (0..0, 0);
        self.go_on(now)
    }

    fn try_more(&mut self) {
        self.portion = self.portion.double();
        self.fitting = 0;
    }

    fn try_again(&mut self, now: Duration) -> Action {
        let doublings = (self.busy / BUSY_ATTEMPTS).min(BUSY_DOUBLINGS);
        self.busy = self.busy.saturating_add(1);
        self.go_on_at(now + BUSY_PAUSE * 2_u32.pow(doublings))
    }

    fn succeeded(&mut self) {
        (self.failures, self.busy) = (0, 0);
        self.wait = Wait::ForWord { until: Duration::ZERO };
    }

    /// ORDERING: the chunks of a survey one after the other, and only then whatever came later.
    fn go_on(&self, now: Duration) -> Action {
        if !self.chunks.is_empty() {
            return Action::PassChunk { chunk: self.chunks.start };
        }
        match now >= self.survey_due {
            true => Action::Survey { is_complete: true, portion: self.portion },
            false => Action::Pass { portion: self.portion },
        }
    }

    fn listen(&mut self, now: Duration, poll: Duration) -> Action {
        self.poll = poll.min(self.longest_poll);
        let until = now + self.poll;
        self.wait = Wait::ForWord { until };
        Action::WaitUntil(until)
    }

    fn go_on_at(&mut self, at: Duration) -> Action {
        self.wait = Wait::ToGoOn { at };
        Action::WaitUntil(at)
    }

    fn failed(&mut self, now: Duration) -> Action {
        self.chunks = 0..0;
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(self.failures.min(16));
        self.failures += 1;
        self.go_on_at(now + pause.min(LONGEST_PAUSE))
    }
}

#[cfg(test)]
mod tests;
