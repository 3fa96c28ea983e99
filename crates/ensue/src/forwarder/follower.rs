//! What becomes of each entry: a pure machine.
//!
//! It is told what was read and how each piece of work ended, and answers with the next one, as
//! many at a time as there are lanes. Whatever moves the subscription on is a list of [`Change`]s
//! that the shell records in one transaction (with the effect, where the handler takes part in it)
//! and that the machine makes its own once they are recorded. If it is not known whether they were,
//! the machine is thrown away and a new term begins from what is stored.
//!
//! INVARIANT: an entry is handled only after every earlier entry of its lane has been handled, and
//! the cursor passes an entry only when it is decided: handled, set aside, or none of the
//! subscription's business. What is handled above the cursor has a receipt in the transaction of
//! its effect.
//!
//! INVARIANT: an attempt that may end the process is on record before it begins. Of entries that
//! were set aside each is. Of fresh ones it is known after the fact: an owner has under way the
//! first of each lane, as many as it has lanes, or one batch; so if it went without handing over, its successor
//! tries those, one at a time, as if they had been set aside.

mod batches;
mod beginning;
mod lanes;
mod legacy;
mod operations;
mod outage;
mod recording;
mod replaying;
mod sending;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ensue_core::{Position, Timestamp};

use self::batches::Batches;
use self::lanes::Lanes;
pub use self::legacy::Legacy;
use self::operations::Operations;
use self::outage::Outage;
use self::sending::Sending;
pub use self::sending::Sent;
use super::lane::Lane;
use super::set_aside::SetAsideEntries;
use crate::RetryPolicy;
use crate::subscription::{Change, Failure, Request, SetAside, SetAsideState, Term, Verdict};

/// What becomes of each entry.
#[derive(Debug)]
pub struct Follower {
    policy: RetryPolicy,
    /// How much is under way at once.
    width: usize,
    /// As stored.
    cursor: Position,
    /// Everything up to here was read.
    read_up_to: Position,
    /// How far the log goes; not known at first.
    head: Option<Position>,
    reading: bool,
    lanes: Lanes,
    batches: Batches,
    /// Handled above the cursor, as stored.
    receipts: BTreeSet<Position>,
    set_aside: SetAsideEntries,
    handling: BTreeMap<Position, Handling>,
    /// Set aside, and their attempt is to be recorded,
    arming: BTreeSet<Position>,
    /// is recorded, and is to begin.
    armed: VecDeque<Position>,
    /// Failed, and their being set aside is to be recorded: their lanes are not free before.
    failed: BTreeSet<Position>,
    /// Their handlers have named a time, however far off.
    named: BTreeSet<Position>,
    recording: Option<Vec<Change>>,
    /// Receipts that came to be meanwhile, before or after what is being recorded.
    meanwhile: Vec<Position>,
    /// To be recorded next.
    unrecorded: Vec<Change>,
    /// Lanes that are held, and have fresh entries that are to be put behind the others.
    held: BTreeSet<Lane>,
    /// The cursor could be stored further since then.
    unsaved_since: Option<Timestamp>,
    suspects: Suspects,
    /// Failed attempts of the previous term, to be recorded once their entries are read.
    inherited: BTreeMap<Position, SetAside>,
    outage: Outage,
    /// If entries are not handled but sent.
    sending: Option<Sending>,
    operations: Operations,
    /// Who is tried next where both a fresh entry and one that was set aside could be: they take
    /// turns, so that neither a backlog nor many failing keys can starve the other.
    fresh_next: bool,
    stopping: bool,
}

/// What the machine needs to know of an entry that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Where it stands.
    pub position: Position,
    /// What it must stay in order with.
    pub key: Option<String>,
    /// Whether the subscription has a handler for it.
    pub wanted: bool,
    /// Whether it is handled together with those before and after it.
    pub in_batch: bool,
}

/// What has happened.
#[derive(Debug)]
pub enum Input {
    /// Time has passed, or the log has grown up to here.
    Woken { head: Position },
    /// These entries were read.
    Read { entries: Vec<Seen> },
    /// These were, of those that are to be handled once more.
    ReadAgain { entries: Vec<Seen> },
    /// What was to be read is not in the log any more; the oldest that is left stands here.
    Pruned { oldest: Position },
    /// Nor is what was to be read once more.
    PrunedAgain { oldest: Position },
    /// The entry is handled, with its batch if it has one, and the changes are recorded.
    Handled { position: Position },
    /// The handler failed, and nothing of the attempt is left; `random` is evenly drawn.
    Failed { position: Position, failure: Failure, verdict: Verdict, random: u64 },
    /// The connection was lost at the commit of the entry, which may or may not have succeeded.
    /// The term is over; the next one finds out.
    InDoubt { position: Position, failure: Failure, random: u64 },
    /// This has become of entries that were sent together; `is_heard` unless there was nobody to send
    /// them to.
    Sent { outcomes: Vec<(Position, Sent)>, is_heard: bool },
    /// The changes are recorded.
    Recorded,
    /// Somebody asks for these.
    Requested { requests: Vec<Request> },
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// This, beside what is under way; and ask again.
    Do(Action),
    /// Nothing, until work ends, the log grows or this time comes.
    Wait { until: Option<Timestamp> },
    /// Nothing any more: the term is over.
    Over,
}

/// A piece of work.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Read on after this position.
    Read { after: Position },
    /// Read once more what is after this position, up to that one.
    ReadAgain { after: Position, last: Position },
    /// Handle, or send, the entry at this position, and with it `rest`, if there are any; with the
    /// effect, record `changes`.
    Handle {
        position: Position,
        rest: Vec<Position>,
        attempt: u32,
        is_replay: bool,
        changes: Vec<Change>,
    },
    /// Record these changes.
    Record { changes: Vec<Change> },
}

/// An entry that is under way.
#[derive(Debug)]
struct Handling {
    /// Those that are handled together with it.
    rest: Vec<Position>,
    attempt: u32,
    /// Whether it is tried to see if an outage is over.
    probe: bool,
    changes: Vec<Change>,
}

impl Handling {
    /// For the first time, with nothing to record.
    fn alone() -> Self {
        Self { rest: Vec::new(), attempt: 1, probe: false, changes: Vec::new() }
    }
}

/// What the owner before may have had under way when it went without handing over.
#[derive(Debug)]
enum Suspects {
    /// To be found when enough is read.
    Unknown,
    /// Those whose attempt is not on record yet.
    Known(VecDeque<Position>),
}

impl Suspects {
    fn iter(&self) -> impl Iterator<Item = Position> {
        let known = match self {
            Self::Unknown => None,
            Self::Known(suspects) => Some(suspects),
        };
        known.into_iter().flatten().copied()
    }

    fn clear(&mut self, clear: Position) {
        if let Self::Known(suspects) = self {
            suspects.retain(|suspect| *suspect != clear);
        }
    }
}

impl Follower {
    /// `width` is how much may be under way at once: at least one.
    pub fn new(term: Term, policy: RetryPolicy, width: usize) -> Self {
        let suspects = match term.is_handed_over {
            true => Suspects::Known(VecDeque::new()),
            false => Suspects::Unknown,
        };
        Self {
            policy,
            width: width.max(1),
            cursor: term.cursor,
            read_up_to: term.cursor,
            head: None,
            reading: false,
            lanes: Lanes::default(),
            batches: Batches::of(1),
            receipts: term.receipts.into_iter().collect(),
            set_aside: SetAsideEntries::new(term.set_aside),
            handling: BTreeMap::new(),
            arming: BTreeSet::new(),
            armed: VecDeque::new(),
            failed: BTreeSet::new(),
            named: BTreeSet::new(),
            recording: None,
            meanwhile: Vec::new(),
            unrecorded: Vec::new(),
            held: BTreeSet::new(),
            unsaved_since: None,
            suspects,
            inherited: BTreeMap::new(),
            outage: Outage::default(),
            sending: None,
            operations: Operations::new(term.paused),
            fresh_next: false,
            stopping: false,
        }
    }

    /// Entries that may be are handled together, so many at the most; there must be one lane.
    pub fn in_batches_of(self, size: usize) -> Self {
        Self { batches: Batches::of(size), ..self }
    }

    /// From now on, what is under way is finished and nothing new begun.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// Whether there still are entries that may have ended the process of the owner before: a next
    /// term of this owner has to look at them too.
    pub fn is_suspicious(&self) -> bool {
        match &self.suspects {
            Suspects::Unknown => true,
            Suspects::Known(suspects) => !suspects.is_empty(),
        }
    }

    /// Whether what the handlers depend on seems to be away altogether.
    pub fn is_in_outage(&self) -> bool {
        self.outage.is_on()
    }

    /// Takes in what has happened.
    pub fn learn(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Woken { head } => self.head = self.head.max(Some(head)),
            Input::Read { entries } => self.take_page(entries),
            Input::ReadAgain { entries } => self.operations.replaying.take_page(entries),
            Input::Pruned { oldest } => self.miss(oldest),
            Input::PrunedAgain { oldest } => self.refuse_replay(oldest),
            Input::Handled { position } => self.finish(position),
            Input::Failed { position, failure, verdict, random } => {
                self.fail(now, position, failure, verdict, random);
            }
            Input::InDoubt { position, failure, random } => {
                self.fail(now, position, failure, Verdict::Again, random);
                self.operations.end();
            }
            Input::Sent { outcomes, is_heard } => self.sent(now, outcomes, is_heard),
            Input::Recorded => self.finish_recording(),
            Input::Requested { requests } => self.operations.take(requests),
        }
        let unsaved = self.decided_up_to(&BTreeSet::new()) > self.cursor;
        self.unsaved_since = unsaved.then(|| self.unsaved_since.unwrap_or(now));
    }

    /// The next thing to do.
    pub fn next(&mut self, now: Timestamp) -> Next {
        if self.operations.is_over() {
            return self.end();
        }
        if self.may_begin() {
            self.arm_due(now);
        }
        if let Some(changes) = self.next_changes(now) {
            self.recording = Some(changes.clone());
            return Next::Do(Action::Record { changes });
        }
        if let Some(position) = self.armed.pop_front() {
            return Next::Do(self.try_again(position));
        }
        if self.may_begin()
            && let Some(action) = self.try_first(now)
        {
            return Next::Do(action);
        }
        if self.stopping {
            return self.end();
        }
        if let Some(action) = self.read_again() {
            return Next::Do(action);
        }
        if self.wants_to_read() {
            self.reading = true;
            return Next::Do(Action::Read { after: self.read_up_to });
        }
        Next::Wait { until: self.wake_up_at(now) }
    }

    fn end(&self) -> Next {
        match self.is_busy() {
            true => Next::Wait { until: None },
            false => Next::Over,
        }
    }

    /// Whether anything is under way.
    fn is_busy(&self) -> bool {
        self.recording.is_some() || self.entries_under_way() > 0
    }

    fn entries_under_way(&self) -> usize {
        self.handling.len() + self.failed.len() + self.armed.len() + self.arming.len()
    }

    /// Takes entries into their lanes, but for those that are decided already.
    fn take_page(&mut self, entries: Vec<Seen>) {
        self.reading = false;
        match entries.last() {
            Some(last) => self.read_up_to = self.read_up_to.max(last.position),
            // The head was further than what can be read: pruned, or taken back with a lost tail.
            // Wait for it to move.
            None => self.head = Some(self.read_up_to),
        }
        self.head = self.head.max(Some(self.read_up_to));
        for Seen { position, key, wanted, in_batch } in entries {
            if wanted && !self.receipts.contains(&position) && !self.set_aside.contains(position) {
                let lane = Lane::of(key.as_deref(), position);
                self.lanes.push(position, lane.clone());
                if in_batch {
                    self.batches.add(position);
                }
                self.record_inherited(position);
                self.hold(lane);
            }
        }
    }

    /// It was forgotten unhandled, or somebody set the cursor back too far: nobody but an operator
    /// knows whether that is right.
    fn miss(&mut self, oldest: Position) {
        self.reading = false;
        let (after, floor) = (self.read_up_to, oldest.previous());
        let reason =
            format!("entries after {after} are not in the log any more; seek to {floor} to go on");
        self.unrecorded.push(Change::Pause { reason });
    }

    fn finish(&mut self, position: Position) {
        let Some(Handling { rest, changes, .. }) = self.handling.remove(&position) else { return };
        self.outage.succeeded();
        if self.recording.is_some() {
            self.meanwhile.extend(changes.iter().filter_map(receipt_of));
        }
        changes.into_iter().for_each(|change| self.apply(change));
        std::iter::once(position).chain(rest).for_each(|position| self.decide(position));
    }

    fn decide(&mut self, position: Position) {
        self.forget_doubt(position);
        self.lanes.decide(position);
        self.batches.remove(position);
    }

    /// A failed entry leaves the way, or stays out of it.
    fn fail(
        &mut self,
        now: Timestamp,
        position: Position,
        failure: Failure,
        verdict: Verdict,
        random: u64,
    ) {
        let Some(handling) = self.handling.remove(&position) else { return };
        let Handling { rest, attempt, probe, .. } = handling;
        if !rest.is_empty() {
            return self.take_apart(&[&[position], &rest[..]].concat());
        }
        let retryable = failure.class.is_retryable();
        let fresh = !self.set_aside.contains(position);
        // What the handler depends on may be away, unless the failure is the entry's own.
        let is_final = matches!(verdict, Verdict::Never | Verdict::Stop);
        let may_be_away = !failure.class.is_of_the_entry() && !is_final;
        match may_be_away {
            true if probe => self.outage.probe_failed(now),
            true if fresh => self.outage.failed_first(now),
            true => {}
            false => self.outage.succeeded(),
        }
        // A probe says something of the outage, and nothing of the entry.
        let attempts = if probe && may_be_away { attempt.saturating_sub(1) } else { attempt };
        let delay = match verdict {
            Verdict::Again if retryable => self.policy.delay(attempts.max(1), random),
            Verdict::After(pause) => self.policy.delay(attempts.max(1), random).map(|_| pause),
            Verdict::Again | Verdict::Never | Verdict::Stop => None,
        };
        let state = match delay {
            Some(delay) => SetAsideState::Retrying { next_attempt_at: now.plus(delay) },
            None => SetAsideState::Parked,
        };
        match verdict {
            Verdict::After(_) => self.named.insert(position),
            Verdict::Again | Verdict::Never | Verdict::Stop => self.named.remove(&position),
        };
        if verdict == Verdict::Stop {
            self.pause(format!("entry {position}: {}", failure.message));
        }
        self.failed.insert(position);
        self.unrecorded.push(Change::SetAside(SetAside {
            position,
            key: self.key_of(position),
            state,
            attempts,
            failure: Some(failure),
            is_replay: self.is_replay(position),
        }));
    }

    /// From now on, not only once that is recorded: if it cannot be, the machine is thrown away.
    fn pause(&mut self, reason: String) {
        self.operations.pause();
        self.withdraw();
        self.unrecorded.push(Change::Pause { reason });
    }

    /// Attempts that are not on record, nor being recorded, are not made.
    fn withdraw(&mut self) {
        for change in std::mem::take(&mut self.unrecorded) {
            match change {
                Change::SetAside(entry) if self.arming.remove(&entry.position) => {
                    self.put_back(entry.position);
                }
                change => self.unrecorded.push(change),
            }
        }
    }

    fn put_back(&mut self, position: Position) {
        match self.set_aside.at(position).cloned() {
            Some(entry) => self.set_aside.put(entry),
            None => {
                let lane = self.lanes.lane_of(position).cloned();
                lane.iter().for_each(|lane| self.lanes.let_go(lane));
            }
        }
    }

    fn is_replay(&self, position: Position) -> bool {
        self.set_aside.at(position).is_some_and(|entry| entry.is_replay)
    }

    fn key_of(&self, position: Position) -> Option<String> {
        match self.set_aside.at(position) {
            Some(entry) => entry.key.clone(),
            None => self.lanes.lane_of(position).and_then(Lane::key),
        }
    }

    fn finish_recording(&mut self) {
        for change in self.recording.take().into_iter().flatten() {
            self.apply(change);
        }
        // To forget one that is forgotten does no harm.
        self.receipts.extend(self.meanwhile.drain(..));
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Advance { to } => self.cursor = to,
            Change::Receipt { position } => drop(self.receipts.insert(position)),
            Change::Forget { up_to } => self.receipts = self.receipts.split_off(&up_to.next()),
            Change::Settle { position } => self.set_aside.remove(position),
            Change::SetAside(entry) => self.apply_set_aside(entry),
            Change::Seek { .. } => {
                self.inherited.clear();
                self.operations.apply(&change);
            }
            Change::Pause { .. }
            | Change::Resume
            | Change::Replayed { .. }
            | Change::Answer { .. } => self.operations.apply(&change),
        }
    }

    fn apply_set_aside(&mut self, entry: SetAside) {
        let position = entry.position;
        let lane = Lane::of(entry.key.as_deref(), position);
        self.failed.remove(&position);
        if self.arming.remove(&position) {
            self.set_aside.note(entry);
            self.armed.push_back(position);
        } else {
            self.set_aside.put(entry);
        }
        // Whatever is set aside has its attempts on record from now on.
        self.suspects.clear(position);
        self.decide(position);
        self.hold(lane);
    }

    /// Fresh entries of a lane that is held wait behind those that hold it.
    fn hold(&mut self, lane: Lane) {
        let first = self.lanes.of(&lane).next();
        if let Some(first) = first.filter(|_| self.set_aside.holds(&lane)) {
            self.lanes.begin(first);
            self.held.insert(lane);
        }
    }
}

fn receipt_of(change: &Change) -> Option<Position> {
    match change {
        Change::Receipt { position } => Some(*position),
        _ => None,
    }
}
