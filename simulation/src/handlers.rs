//! What comes of an attempt at an entry.

use std::collections::BTreeMap;
use std::time::Duration;

use ensue::Position;
use ensue::simulation::Verdict;
use ensue::subscription::{Failure, FailureClass};
use fastrand::Rng;

use crate::faults::up_to;
use crate::letter::Work;
use crate::process::Program;
use crate::story::Entry;
use crate::violation::{Checked, ensure};

/// Attempts before an entry is parked.
pub(crate) const ATTEMPTS: u32 = 5;

/// The words of a failure after which somebody has to look.
pub(crate) const STOPPED: &str = "stop";

/// The handlers of all processes.
pub(crate) struct Handlers {
    /// Entries whose handler fails, as often as it does.
    poisoned: Vec<Position>,
    /// Entries that end their process or connection.
    costly: BTreeMap<Position, Costly>,
    /// Entries that nobody would receive, whatever is done.
    hopeless: Vec<Position>,
    /// Everything fails until then.
    outage_until: Duration,
    /// Of failures: after one in so many the entry is well.
    heals: u32,
    /// What a program says of an entry that it has no handler for.
    unknown: Verdict,
}

/// An entry that ends its process or connection each time.
struct Costly {
    /// The entry ends the connection at its commit, not the process.
    severs: bool,
    /// Returns true if it may be handled in a batch.
    in_batch: bool,
    /// Number of processes or connections it has ended since its attempts were last reset.
    times: u32,
}

/// What comes of an attempt.
pub(crate) enum Attempt {
    /// Its effect is to be committed.
    Works,
    Fails(Failure, Verdict),
    /// The process is gone, by this entry.
    Kills(Position),
    /// This entry ends the connection at the commit; nothing is committed.
    Severs(Position),
}

/// LIMIT: entries of one world that end processes or connections. Each ends as many as it has attempts, and
/// each time a lease has to expire.
const COSTLY_MAX: usize = 2;

impl Handlers {
    pub(crate) fn new(story: &[Entry], is_hard: bool, rng: &mut Rng) -> Self {
        let wanted: Vec<_> = story.iter().filter(|seen| seen.wanted).collect();
        let one_in = *rng.choice(&[3, 6, 20, 1_000]).unwrap_or(&6);
        let poisoned = wanted.iter().filter(|_| rng.u32(0..one_in) == 0);
        let poisoned = poisoned.map(|seen| seen.position).collect();
        let costly = match rng.u8(0..3) {
            1.. if !is_hard => Vec::new(),
            _ => rng.choose_multiple(wanted.iter(), COSTLY_MAX),
        };
        let costly = costly.into_iter().map(|seen| {
            let costly = Costly { severs: rng.bool(), in_batch: seen.in_batch, times: 0 };
            (seen.position, costly)
        });
        let costly = costly.collect();
        Self {
            poisoned,
            costly,
            hopeless: Vec::new(),
            outage_until: Duration::ZERO,
            heals: rng.u32(1..8),
            unknown: if rng.u8(0..4) == 0 { Verdict::Stop } else { Verdict::Again },
        }
    }

    /// In some worlds there are many entries that nobody would receive.
    pub(crate) fn add_hopeless(&mut self, story: &[Entry], rng: &mut Rng) {
        let one_in = *rng.choice(&[2, 8, 1_000, 1_000]).unwrap_or(&8);
        let hopeless = story.iter().filter(|_| rng.u32(0..one_in) == 0);
        self.hopeless = hopeless.map(|entry| entry.position).collect();
    }

    /// What comes of all of them is what comes of the first that does not work.
    pub(crate) fn try_all(&mut self, work: &Work, now: Duration, rng: &mut Rng) -> Attempt {
        let mut attempts = work.entries().map(|position| self.try_out(position, now, rng));
        attempts.find(|attempt| !matches!(attempt, Attempt::Works)).unwrap_or(Attempt::Works)
    }

    /// What comes of an entry where it was sent.
    pub(crate) fn receive(&mut self, position: Position, now: Duration, rng: &mut Rng) -> Attempt {
        if self.hopeless.contains(&position) {
            let failure = failure(FailureClass::Unroutable, Verdict::Again);
            return Attempt::Fails(failure, Verdict::Again);
        }
        match self.try_out(position, now, rng) {
            Attempt::Fails(failure, verdict) => {
                let class = match rng.bool() {
                    true => FailureClass::Unroutable,
                    false => FailureClass::Rejected,
                };
                Attempt::Fails(Failure { class, ..failure }, verdict)
            }
            other => other,
        }
    }

    /// Whether there is nobody to send to.
    pub(crate) fn are_away(&self, now: Duration) -> bool {
        now < self.outage_until
    }

    /// What comes of an entry that `program` has no handler for, if it has none.
    pub(crate) fn pass_unknown(&self, entry: &Entry, program: Program) -> Option<Attempt> {
        let failure = failure(FailureClass::UnknownType, self.unknown);
        (!program.knows(entry)).then_some(Attempt::Fails(failure, self.unknown))
    }

    fn try_out(&mut self, position: Position, now: Duration, rng: &mut Rng) -> Attempt {
        match self.costly.get(&position) {
            Some(Costly { severs: true, .. }) => return Attempt::Severs(position),
            Some(Costly { severs: false, .. }) => return Attempt::Kills(position),
            None => {}
        }
        let is_poisoned = self.poisoned.contains(&position);
        if is_poisoned && rng.u32(0..=self.heals) == 0 {
            self.poisoned.retain(|poisoned| *poisoned != position);
        }
        match is_poisoned || now < self.outage_until {
            true => self.fail(is_poisoned, rng),
            false => Attempt::Works,
        }
    }

    fn fail(&self, is_poisoned: bool, rng: &mut Rng) -> Attempt {
        let (class, verdict) = match rng.u8(0..16) {
            0 if is_poisoned => (FailureClass::Undecodable, Verdict::Again),
            1 if is_poisoned => (FailureClass::Handler, Verdict::Never),
            2 | 3 => (FailureClass::Handler, Verdict::After(up_to(Duration::from_secs(20), rng))),
            4 => (FailureClass::Panic, Verdict::Again),
            5 => (FailureClass::Newer, Verdict::Again),
            6 if is_poisoned => (FailureClass::Handler, Verdict::Stop),
            _ => (FailureClass::Handler, Verdict::Again),
        };
        Attempt::Fails(failure(class, verdict), verdict)
    }

    /// INVARIANT: an entry ends at most as many processes, or connections, as it has attempts, and one more:
    /// its first attempt, alone or in a batch, is known only afterwards. A batch that only lost its
    /// connection has failed, and the process may end at the first attempt alone, too.
    pub(crate) fn count_cost(&mut self, position: Position) -> Checked {
        let Some(Costly { severs, in_batch, times }) = self.costly.get_mut(&position) else {
            return Ok(());
        };
        *times += 1;
        let times = *times;
        let unknown = if *severs && *in_batch { 2 } else { 1 };
        let ended = if *severs { "connections" } else { "processes" };
        ensure(times <= ATTEMPTS + unknown, || format!("entry {position} ended {times} {ended}"))
    }

    /// An operator lets it be tried as often as a new one; that attempt is on record.
    pub(crate) fn forgive(&mut self, position: Position) {
        if let Some(costly) = self.costly.get_mut(&position) {
            costly.times = 0;
        }
    }

    /// Who knows more types of events than the owner before cannot tell what that had under way.
    pub(crate) fn forgive_once(&mut self) {
        self.costly.values_mut().for_each(|it| it.times = it.times.saturating_sub(1));
    }

    /// Those after `to` are new again.
    pub(crate) fn forgive_after(&mut self, to: Position) {
        self.costly.range_mut(to.next()..).for_each(|(_, costly)| costly.times = 0);
    }

    pub(crate) fn is_costly(&self, position: Position) -> bool {
        self.costly.contains_key(&position)
    }

    /// Whether only an operator who skips it makes an end of it.
    pub(crate) fn is_hopeless(&self, position: Position) -> bool {
        self.is_costly(position) || self.hopeless.contains(&position)
    }

    pub(crate) fn fail_until(&mut self, until: Duration) {
        self.outage_until = until;
    }

    /// Lets all handlers succeed from now on, except those that end processes or connections.
    pub(crate) fn heal(&mut self) {
        self.poisoned.clear();
        self.outage_until = Duration::ZERO;
    }
}

fn failure(class: FailureClass, verdict: Verdict) -> Failure {
    Failure::new(class, if verdict == Verdict::Stop { STOPPED } else { "no" })
}
