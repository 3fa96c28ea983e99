//! A log, a store, handlers and operators around the machine, all of it decided by one seed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fastrand::Rng;

use super::*;
use crate::subscription::{Answer, Command, Epoch, Request, RequestId, Which};

/// Attempts before an entry is parked.
const ATTEMPTS: u32 = 5;

/// LIMIT: terms and steps of one world; a machine that gets nowhere is found by them.
const TERMS_MAX: u32 = 400;
const STEPS_MAX: u32 = 4_000;

/// What is stored, and what the seed makes of it.
pub(super) struct World {
    rng: Rng,
    now: Timestamp,
    width: usize,
    log: Vec<Seen>,
    store: Store,
    /// Handlers of these fail until the faults stop.
    poisoned: BTreeSet<Position>,
    /// Whoever handles one of these is no more; by how often that was.
    killers: BTreeMap<Position, u32>,
    faults_left: u32,
    is_handed_over: bool,
}

#[derive(Default)]
struct Store {
    cursor: Option<Position>,
    receipts: BTreeSet<Position>,
    set_aside: BTreeMap<Position, SetAside>,
    paused: bool,
    requests: Vec<Request>,
    /// In the order of their commits.
    effects: Vec<Position>,
    skipped: BTreeSet<Position>,
    /// Operators have let these be tried as often as a new one.
    forgiven: BTreeSet<Position>,
}

/// How a term ends before its time.
enum Interruption {
    /// The process is gone.
    Crash,
    /// An answer was lost: whether something was committed is not known.
    LostReply,
    /// There is nothing left to do.
    Finished,
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
        let wanted: Vec<_> =
            log.iter().filter(|seen| seen.wanted).map(|seen| seen.position).collect();
        let poisoned = wanted.iter().filter(|_| rng.u8(0..6) == 0).copied().collect();
        let killers = match rng.u8(0..3) {
            0 => wanted.iter().filter(|_| rng.u8(0..12) == 0).map(|at| (*at, 0)).collect(),
            _ => BTreeMap::new(),
        };
        let width = *rng.choice(&[1, 1, 2, 3, 8]).unwrap_or(&1);
        let faults_left = rng.u32(0..40);
        Self {
            rng,
            now: at(0),
            width,
            log,
            store: Store::default(),
            poisoned,
            killers,
            faults_left,
            is_handed_over: true,
        }
    }

    pub(super) fn run(mut self) -> Result<(), String> {
        for _ in 0..TERMS_MAX {
            let interruption = self.serve_a_term();
            self.is_handed_over &= !matches!(interruption, Interruption::Crash);
            if matches!(interruption, Interruption::Finished) {
                return self.check();
            }
        }
        Err("no end in sight".to_owned())
    }

    fn serve_a_term(&mut self) -> Interruption {
        let policy = RetryPolicy::default().attempts(ATTEMPTS);
        let mut follower = Follower::new(self.store.term(self.is_handed_over), policy, self.width);
        let mut under_way: Vec<Action> = Vec::new();
        let mut told_of = 0;
        for _ in 0..STEPS_MAX {
            follower.learn(self.now, Input::Woken { head: self.head() });
            told_of = self.tell_of_requests(&mut follower, told_of);
            let wait = loop {
                match follower.next(self.now) {
                    Next::Do(action) => self.begin(action, &mut under_way),
                    Next::Wait { until } => break until,
                    Next::Over => panic!("nobody asked it to stop"),
                }
            };
            if under_way.is_empty() {
                if self.is_finished() {
                    return Interruption::Finished;
                }
                self.intervene();
                self.pass_time(wait);
                continue;
            }
            let action = under_way.swap_remove(self.rng.usize(..under_way.len()));
            match self.carry_out(&action) {
                Ok(input) => follower.learn(self.now, input),
                Err(interruption) => {
                    self.interrupt(&interruption, &under_way);
                    self.is_handed_over = !follower.is_suspicious();
                    return interruption;
                }
            }
        }
        panic!("a term without end");
    }

    fn tell_of_requests(&self, follower: &mut Follower, told_of: usize) -> usize {
        let new = &self.store.requests[told_of..];
        let requests = new.iter().filter(|request| request.answer.is_none()).cloned().collect();
        follower.learn(self.now, Input::Requested { requests });
        self.store.requests.len()
    }

    /// INVARIANT: as many entries as lanes at once, and one of each key, in order.
    fn begin(&self, action: Action, under_way: &mut Vec<Action>) {
        if let Action::Handle { position, .. } = &action {
            let handled = under_way.iter().filter_map(position_of);
            assert!(handled.clone().count() < self.width, "too much at once");
            let key = self.key(*position);
            assert!(
                key.is_none() || handled.clone().all(|other| self.key(other) != key),
                "two of a key at once"
            );
            let earlier = self.log.iter().filter(|seen| seen.wanted && seen.position < *position);
            for seen in earlier.filter(|seen| key.is_some() && seen.key.as_deref() == key) {
                assert!(
                    self.store.is_settled(seen.position),
                    "{position} before {}",
                    seen.position
                );
            }
        }
        under_way.push(action);
    }

    fn carry_out(&mut self, action: &Action) -> Result<Input, Interruption> {
        match action {
            Action::Read { after } => Ok(Input::Read { entries: self.read(*after) }),
            Action::Record { changes } => {
                self.commit(changes, None)?;
                Ok(Input::Recorded)
            }
            Action::Handle { position, attempt, changes } => {
                if let Some(killed) = self.killers.get_mut(position) {
                    let forgiven = self.store.forgiven.remove(position);
                    *killed = if forgiven { 1 } else { *killed + 1 };
                    assert!(*killed <= ATTEMPTS + 1, "{position} ended {killed} processes");
                    return Err(Interruption::Crash);
                }
                assert!(*attempt <= ATTEMPTS);
                if self.poisoned.contains(position) {
                    self.wear_off();
                    let (position, random) = (*position, self.rng.u64(..));
                    let verdict = Verdict::Again;
                    return Ok(Input::Failed { position, failure: failure(), verdict, random });
                }
                self.commit(changes, Some(*position))?;
                Ok(Input::Handled { position: *position })
            }
        }
    }

    fn commit(&mut self, changes: &[Change], effect: Option<Position>) -> Result<(), Interruption> {
        let fault = self.faults_left > 0 && self.rng.u8(0..8) == 0;
        self.faults_left -= u32::from(fault);
        if self.faults_left == 0 {
            self.poisoned.clear();
        }
        if !fault || self.rng.bool() {
            self.store.commit(changes, effect, &self.log);
        }
        match fault {
            true if self.rng.bool() => Err(Interruption::Crash),
            true => Err(Interruption::LostReply),
            false => Ok(()),
        }
    }

    /// What else was under way may just have been committed.
    fn interrupt(&mut self, interruption: &Interruption, under_way: &[Action]) {
        for action in under_way {
            let committed = self.rng.u8(0..4) == 0;
            match action {
                Action::Record { changes } if committed => {
                    self.store.commit(changes, None, &self.log);
                }
                Action::Handle { position, changes, .. }
                    if committed
                        && !self.killers.contains_key(position)
                        && !self.poisoned.contains(position) =>
                {
                    self.store.commit(changes, Some(*position), &self.log);
                }
                _ => {}
            }
        }
        if matches!(interruption, Interruption::Crash) {
            self.now = self.now.plus(Duration::from_secs(self.rng.u64(0..30)));
        }
    }

    fn head(&self) -> Position {
        self.log.last().map_or(Position::START, |seen| seen.position)
    }

    fn key(&self, position: Position) -> Option<&str> {
        self.log.iter().find(|seen| seen.position == position)?.key.as_deref()
    }

    fn read(&mut self, after: Position) -> Vec<Seen> {
        let size = self.rng.usize(1..10);
        self.log.iter().filter(|seen| seen.position > after).take(size).cloned().collect()
    }

    fn pass_time(&mut self, until: Option<Timestamp>) {
        // Now and then the clock is set back.
        let jump = Duration::from_secs(self.rng.u64(0..20));
        self.now = match until {
            Some(until) if self.rng.u8(0..4) > 0 => until.max(self.now),
            _ if self.rng.u8(0..6) == 0 => at(self.now.as_micros() / 1_000_000 - 15),
            _ => self.now.plus(jump),
        };
        self.wear_off();
    }

    /// With nothing to commit no fault comes up either: the poison has to wear off.
    fn wear_off(&mut self) {
        if self.rng.u8(0..20) == 0 {
            self.poisoned.clear();
        }
    }

    /// Operators do what they do, and in the end what is needed.
    fn intervene(&mut self) {
        let command = match self.rng.u8(0..10) {
            0 => Some(Command::Pause),
            1 => self.some_entry().map(Command::Retry),
            2 => Some(Command::Retry(Which::Parked { class: None, at_most: self.rng.u64(0..5) })),
            _ if self.store.paused => Some(Command::Resume),
            _ => self.needed(),
        };
        let id = RequestId::new(self.store.requests.len() as u64 + 1);
        self.store.requests.extend(command.map(|command| Request {
            id,
            subscription: "simulated".to_owned(),
            command,
            reason: "to see what happens".to_owned(),
            requested_at: self.now,
            answer: None,
        }));
    }

    fn some_entry(&mut self) -> Option<Which> {
        let position = Position::new(self.rng.u64(1..60));
        let key = self.rng.u8(0..5).to_string();
        Some(if self.rng.bool() { Which::Entry(position) } else { Which::Key(key) })
    }

    /// For what is parked: skip those that end processes, and try the others again.
    fn needed(&mut self) -> Option<Command> {
        let parked = |entry: &&SetAside| entry.state == SetAsideState::Parked;
        let position = self.store.set_aside.values().find(parked)?.position;
        Some(match self.killers.contains_key(&position) {
            true => Command::Skip(Which::Entry(position)),
            false => Command::Retry(Which::Entry(position)),
        })
    }

    fn is_finished(&self) -> bool {
        let answered = self.store.requests.iter().all(|request| request.answer.is_some());
        self.store.set_aside.is_empty()
            && self.poisoned.is_empty()
            && self.store.cursor == Some(self.head())
            && !self.store.paused
            && answered
    }

    /// INVARIANT: each wanted entry has one effect, those of a key in the order of positions; but for
    /// those that were skipped.
    fn check(&self) -> Result<(), String> {
        let Store { effects, skipped, receipts, .. } = &self.store;
        let wanted = self.log.iter().filter(|seen| seen.wanted).map(|seen| seen.position);
        let expected: Vec<_> = wanted.filter(|position| !skipped.contains(position)).collect();
        let mut handled = effects.clone();
        handled.sort();
        if handled != expected {
            return Err(format!("lost or doubled: {effects:?} of {:?}", self.log));
        }
        if let Some(spared) = skipped.iter().find(|position| !self.killers.contains_key(position)) {
            return Err(format!("{spared} was skipped, which nobody asked for"));
        }
        if !receipts.is_empty() {
            return Err(format!("receipts are left: {receipts:?}"));
        }
        let mut last_of_key = HashMap::new();
        for position in effects {
            if let Some(key) = self.key(*position)
                && last_of_key.insert(key, position).is_some_and(|last| last > position)
            {
                return Err(format!("out of order: {effects:?} of {:?}", self.log));
            }
        }
        Ok(())
    }
}

impl Store {
    fn term(&self, is_handed_over: bool) -> Term {
        Term {
            epoch: Epoch::new(1),
            cursor: self.cursor(),
            receipts: self.receipts.iter().copied().collect(),
            set_aside: self.set_aside.values().cloned().collect(),
            paused: self.paused,
            is_handed_over,
        }
    }

    fn cursor(&self) -> Position {
        self.cursor.unwrap_or(Position::START)
    }

    /// Whether nothing more is to be done about it.
    fn is_settled(&self, position: Position) -> bool {
        self.effects.contains(&position) || self.skipped.contains(&position)
    }

    fn commit(&mut self, changes: &[Change], effect: Option<Position>, log: &[Seen]) {
        let moved = changes.iter().filter(|change| matches!(change, Change::Advance { .. }));
        assert!(moved.count() <= 1);
        if let Some(effect) = effect {
            assert!(!self.effects.contains(&effect), "{effect} is handled twice");
            self.effects.push(effect);
        } else {
            self.skipped.extend(changes.iter().filter_map(|change| match change {
                Change::Settle { position } => Some(*position),
                _ => None,
            }));
        }
        changes.iter().for_each(|change| self.apply(change, log));
    }

    fn apply(&mut self, change: &Change, log: &[Seen]) {
        match change {
            Change::Advance { to } => self.advance(*to, log),
            Change::Receipt { position } => drop(self.receipts.insert(*position)),
            Change::Forget { up_to } => {
                assert!(*up_to <= self.cursor(), "receipts above the cursor are forgotten");
                self.receipts = self.receipts.split_off(&up_to.next());
            }
            Change::SetAside(entry) => {
                if entry.attempts == 0 && entry.state.next_attempt_at().is_some() {
                    self.forgiven.insert(entry.position);
                }
                self.set_aside.insert(entry.position, entry.clone());
            }
            Change::Settle { position } => {
                assert!(self.set_aside.remove(position).is_some(), "{position} is not set aside");
            }
            Change::Pause { .. } => self.paused = true,
            Change::Resume => self.paused = false,
            Change::Seek { .. } => panic!("nobody asked for it"),
            Change::Answer { request, answer } => self.answer(*request, answer),
        }
    }

    /// INVARIANT: the cursor passes nothing that is not decided.
    fn advance(&mut self, to: Position, log: &[Seen]) {
        assert!(to > self.cursor(), "the cursor moves from {} to {to}", self.cursor());
        let passed = log.iter().filter(|seen| seen.wanted && seen.position <= to);
        for Seen { position, .. } in passed {
            let decided = self.is_settled(*position) || self.set_aside.contains_key(position);
            assert!(decided, "the cursor passes {position}");
        }
        self.cursor = Some(to);
    }

    fn answer(&mut self, request: RequestId, answer: &Answer) {
        let asked = self.requests.iter_mut().find(|asked| asked.id == request);
        let asked = asked.expect("a request that was made");
        assert!(asked.answer.is_none(), "answered twice");
        asked.answer = Some(answer.clone());
    }
}

fn position_of(action: &Action) -> Option<Position> {
    match action {
        Action::Handle { position, .. } => Some(*position),
        Action::Read { .. } | Action::Record { .. } => None,
    }
}
