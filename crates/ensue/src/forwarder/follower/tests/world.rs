//! A log, a store and handlers around the machine, all of it decided by one seed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fastrand::Rng;

use super::*;

/// What is stored, and what the seed makes of it.
pub(super) struct World {
    rng: Rng,
    now: Timestamp,
    log: Vec<Seen>,
    cursor: Position,
    set_aside: BTreeMap<Position, SetAside>,
    /// The effects, in the order of their commits.
    effects: Vec<Position>,
    /// Handlers of these fail until the faults stop.
    poisoned: BTreeSet<Position>,
    faults_left: u32,
}

/// What came of a transaction, as the machine's shell sees it.
enum Outcome {
    Committed,
    /// The process died, or the reply was lost: whether it was committed is not known.
    Unknown,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let log: Vec<_> = (1..=rng.u64(1..60))
            .map(|position| Seen {
                position: Position::new(position),
                key: rng.bool().then(|| rng.u8(0..5).to_string()),
                wanted: rng.u8(0..4) > 0,
            })
            .collect();
        let poisoned = log.iter().filter(|_| rng.u8(0..6) == 0).map(|seen| seen.position).collect();
        let faults_left = rng.u32(0..40);
        Self {
            rng,
            now: at(0),
            log,
            cursor: Position::START,
            set_aside: BTreeMap::new(),
            effects: Vec::new(),
            poisoned,
            faults_left,
        }
    }

    pub(super) fn run(mut self) -> Result<(), String> {
        for _ in 0..200 {
            self.serve_a_term();
            if self.is_finished() {
                return self.check();
            }
        }
        Err("no end in sight".to_owned())
    }

    fn serve_a_term(&mut self) {
        let set_aside = self.set_aside.values().cloned().collect();
        let term = Term { epoch: Epoch::new(1), cursor: self.cursor, set_aside };
        let policy = RetryPolicy::default().attempts(u32::MAX);
        let mut follower = Follower::new(term, policy);
        let mut input = Input::Woken { head: self.head() };
        for _ in 0..2_000 {
            input = match follower.step(self.now, input) {
                Action::Read { after } => Input::Read { entries: self.read(after) },
                Action::Handle { position, changes, .. } => {
                    if self.poisoned.contains(&position) {
                        let random = self.rng.u64(..);
                        Input::Failed { failure: failure(), random }
                    } else {
                        match self.commit(&changes, Some(position)) {
                            Outcome::Committed => Input::Done,
                            Outcome::Unknown => return,
                        }
                    }
                }
                Action::Record { changes } => match self.commit(&changes, None) {
                    Outcome::Committed => Input::Done,
                    Outcome::Unknown => return,
                },
                Action::Wait { until } => {
                    if self.is_finished() {
                        return;
                    }
                    self.pass_time(until);
                    Input::Woken { head: self.head() }
                }
                Action::Stop => return,
            };
        }
    }

    fn head(&self) -> Position {
        self.log.last().map_or(Position::START, |seen| seen.position)
    }

    fn read(&mut self, after: Position) -> Vec<Seen> {
        let size = self.rng.usize(1..10);
        self.log.iter().filter(|seen| seen.position > after).take(size).cloned().collect()
    }

    fn commit(&mut self, changes: &[Change], effect: Option<Position>) -> Outcome {
        let fault = self.faults_left > 0 && self.rng.u8(0..8) == 0;
        self.faults_left -= u32::from(fault);
        if self.faults_left == 0 {
            self.poisoned.clear();
        }
        if fault && self.rng.bool() {
            return Outcome::Unknown; // and it was not
        }
        self.effects.extend(effect);
        for change in changes {
            self.apply(change);
        }
        if fault { Outcome::Unknown } else { Outcome::Committed }
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Advance { to } => {
                assert!(*to > self.cursor, "the cursor moves from {} to {to}", self.cursor);
                self.cursor = *to;
            }
            Change::SetAside(entry) => {
                self.set_aside.insert(entry.position, entry.clone());
            }
            Change::Settle { position } => {
                assert!(self.set_aside.remove(position).is_some(), "{position} is not set aside");
            }
        }
    }

    fn pass_time(&mut self, until: Option<Timestamp>) {
        // Now and then the clock is set back.
        let jump = Duration::from_secs(self.rng.u64(0..20));
        self.now = match until {
            Some(until) if self.rng.u8(0..4) > 0 => until.max(self.now),
            _ if self.rng.u8(0..6) == 0 => at(self.now.as_micros() / 1_000_000 - 15),
            _ => self.now.plus(jump),
        };
        // With nothing to commit no fault comes up either: the poison has to wear off.
        if self.rng.u8(0..20) == 0 {
            self.poisoned.clear();
        }
    }

    fn is_finished(&self) -> bool {
        self.set_aside.is_empty() && self.poisoned.is_empty() && self.cursor == self.head()
    }

    /// INVARIANT: each wanted entry has one effect, those of a key in the order of positions.
    fn check(&self) -> Result<(), String> {
        let wanted = self.log.iter().filter(|seen| seen.wanted).map(|seen| seen.position);
        let mut handled = self.effects.clone();
        handled.sort();
        if handled != wanted.collect::<Vec<_>>() {
            return Err(format!("lost or doubled: {:?} of {:?}", self.effects, self.log));
        }
        let mut last_of_key = HashMap::new();
        for position in &self.effects {
            let seen = self.log.iter().find(|seen| seen.position == *position);
            if let Some(key) = seen.and_then(|seen| seen.key.clone())
                && last_of_key.insert(key, position).is_some_and(|last| last > position)
            {
                return Err(format!("out of order: {:?} of {:?}", self.effects, self.log));
            }
        }
        Ok(())
    }
}
