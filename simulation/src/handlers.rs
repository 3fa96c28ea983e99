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
    /// Whoever handles one of these is no more; by how often that was since it was last let be
    /// tried as often as a new one.
    killers: BTreeMap<Position, u32>,
    /// Entries that nobody would receive, whatever is done.
    hopeless: Vec<Position>,
    /// Everything fails until then.
    outage_until: Duration,
    /// Of failures: after one in so many the entry is well.
    heals: u32,
    /// What a program says of an entry that it has no handler for.
    unknown: Verdict,
}

/// What comes of an attempt.
pub(crate) enum Attempt {
    /// Its effect is to be committed.
    Works,
    Fails(Failure, Verdict),
    /// The process is gone, by this entry.
    Kills(Position),
}

/// LIMIT: entries of one world that end processes. Each ends as many as there are attempts, and
/// each time a lease has to run out.
const KILLERS_MAX: usize = 2;

impl Handlers {
    pub(crate) fn new(story: &[Entry], rng: &mut Rng) -> Self {
        let wanted: Vec<_> =
            story.iter().filter(|seen| seen.wanted).map(|seen| seen.position).collect();
        let one_in = *rng.choice(&[3, 6, 20, 1_000]).unwrap_or(&6);
        let poisoned = wanted.iter().filter(|_| rng.u32(0..one_in) == 0).copied().collect();
        let killers = match rng.u8(0..3) {
            0 => rng.choose_multiple(wanted.iter(), KILLERS_MAX),
            _ => Vec::new(),
        };
        Self {
            poisoned,
            killers: killers.into_iter().map(|position| (*position, 0)).collect(),
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
        if self.is_killer(position) {
            return Attempt::Kills(position);
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

    /// INVARIANT: an entry ends as many processes as it has attempts, and one more: of its first
    /// attempt, alone or in a batch, nobody can know before.
    pub(crate) fn count_kill(&mut self, position: Position) -> Checked {
        let Some(killed) = self.killers.get_mut(&position) else { return Ok(()) };
        *killed += 1;
        let killed = *killed;
        ensure(killed <= ATTEMPTS + 1, || format!("entry {position} ended {killed} processes"))
    }

    /// An operator lets it be tried as often as a new one; that attempt is on record.
    pub(crate) fn forgive(&mut self, position: Position) {
        if let Some(killed) = self.killers.get_mut(&position) {
            *killed = 0;
        }
    }

    /// Who knows more types of events than the owner before cannot tell what that had under way.
    pub(crate) fn forgive_once(&mut self) {
        self.killers.values_mut().for_each(|killed| *killed = killed.saturating_sub(1));
    }

    /// Those after `to` are new again.
    pub(crate) fn forgive_after(&mut self, to: Position) {
        self.killers.range_mut(to.next()..).for_each(|(_, killed)| *killed = 0);
    }

    pub(crate) fn is_killer(&self, position: Position) -> bool {
        self.killers.contains_key(&position)
    }

    /// Whether only an operator who skips it makes an end of it.
    pub(crate) fn is_hopeless(&self, position: Position) -> bool {
        self.is_killer(position) || self.hopeless.contains(&position)
    }

    pub(crate) fn fail_until(&mut self, until: Duration) {
        self.outage_until = until;
    }

    /// From now on all handlers work, but for those that end processes.
    pub(crate) fn heal(&mut self) {
        self.poisoned.clear();
        self.outage_until = Duration::ZERO;
    }
}

fn failure(class: FailureClass, verdict: Verdict) -> Failure {
    Failure::new(class, if verdict == Verdict::Stop { STOPPED } else { "no" })
}
