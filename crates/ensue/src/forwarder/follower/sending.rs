//! Entries that leave the process, many at once: a pure machine.
//!
//! What is sent together is the first of each key, so that one of them that fails is overtaken by no
//! other of its key. The other side may have a message twice and knows it by its id, so nothing is
//! recorded with what was delivered but the cursor, while the next ones are under way already.
//!
//! When there is nobody to send to, or it is not known what has become of what was sent, nothing has
//! failed: it waits, and is sent again. But one that ends every session it is sent in has; to find it,
//! ever fewer are sent together, and in the end one, with nothing beside it.
//!
//! INVARIANT: that nobody knows what has become of an entry is its own failure only if nothing else was
//! under way: whoever is in the session that another one ends loses no attempt.

mod batch_size;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use ensue_core::{Position, Timestamp};

use self::batch_size::{BATCH_MAX, BatchSize};
use super::{Action, Follower, Handling, Suspects};
use crate::subscription::{Change, Failure, FailureClass, SetAside, SetAsideState, Verdict};

/// LIMIT: how many batches are under way. While the answers to one arrive, the next is on its way.
const UNDER_WAY_MAX: usize = 2;

/// LIMIT: nothing is sent that stands further above the stored cursor. As much may be sent again after a
/// crash, when one entry has taken long; at the rate of a fast broker it is a tenth of a second's worth.
const AHEAD_MAX: u64 = 10_000;

/// Before it is looked whether anybody is there again: at first,
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// and at the longest, so that whoever returns has been found within a second.
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// What a subscription with a sink has under way.
#[derive(Debug)]
pub(super) struct Sending {
    under_way: usize,
    batch: BatchSize,
    pause: Option<Pause>,
    is_nobody_there: bool,
    /// Fresh entries of which nobody knows what has become, although there was somebody to send them
    /// to: until they are decided, one batch is under way at a time.
    doubtful: BTreeSet<Position>,
    /// The last one that was to have nothing beside it.
    alone: Option<Position>,
    /// One of those that were set aside waits until nothing is under way.
    is_quiet: bool,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    length: Duration,
    until: Timestamp,
}

/// What has become of an entry that was sent.
#[derive(Debug)]
pub enum Sent {
    /// The other side has it.
    Delivered,
    /// It was refused, or nobody would receive it.
    Failed { failure: Failure, verdict: Verdict, random: u64 },
    /// Nobody knows.
    Unknown { failure: Failure, random: u64 },
}

impl Sending {
    /// How many entries are under way at the most.
    pub(super) const WIDTH: usize = BATCH_MAX * UNDER_WAY_MAX;

    pub(super) fn new() -> Self {
        Self {
            under_way: 0,
            batch: BatchSize::new(),
            pause: None,
            is_nobody_there: false,
            doubtful: BTreeSet::new(),
            alone: None,
            is_quiet: false,
        }
    }

    fn may_send(&self, now: Timestamp) -> bool {
        self.under_way < UNDER_WAY_MAX && !self.is_quiet && !self.is_pausing(now)
    }

    /// A batch has ended, and of these of its entries nobody knows what has become. What is lost once
    /// among others that are known is no reason to send fewer together.
    fn finish_batch(&mut self, size: usize, unknown: &[Position], is_heard: bool) {
        self.under_way = self.under_way.saturating_sub(1);
        let is_again = unknown.iter().any(|position| self.doubtful.contains(position));
        match unknown.len() {
            0 => self.batch.was_delivered(),
            all if is_heard && all == size => self.batch.was_lost(all),
            some if is_heard && is_again => self.batch.narrow(some),
            _ => {}
        }
    }

    /// The pause after a clock that was ahead is no longer than any pause.
    fn is_pausing(&self, now: Timestamp) -> bool {
        let until = self.pause.map(|pause| pause.until);
        until.is_some_and(|until| until > now && until <= now.plus(LONGEST_PAUSE))
    }

    fn was_not_heard(&mut self, now: Timestamp) {
        let length = self.pause.map_or(FIRST_PAUSE, |pause| pause.length * 2).min(LONGEST_PAUSE);
        self.pause = Some(Pause { length, until: now.plus(length) });
    }
}

impl Follower {
    /// Entries are not handled but sent.
    pub fn sending(self) -> Self {
        // Nothing that is sent can end the process, and what may have been sent is sent again.
        let suspects = Suspects::Known(VecDeque::new());
        Self { sending: Some(Sending::new()), width: Sending::WIDTH, suspects, ..self }
    }

    /// Whether nothing is to be tried for the time being, since nobody is there.
    pub(super) fn nobody_is_there(&self, now: Timestamp) -> bool {
        self.sending.as_ref().is_some_and(|sending| sending.is_pausing(now))
    }

    /// Whether the last time there was nobody to send to.
    pub(crate) fn finds_nobody(&self) -> bool {
        self.sending.as_ref().is_some_and(|sending| sending.is_nobody_there)
    }

    pub(super) fn looks_again_at(&self) -> Option<Timestamp> {
        self.sending.as_ref()?.pause.map(|pause| pause.until)
    }

    /// Whether what is under way is to have nothing beside it.
    pub(super) fn is_sending_alone(&self) -> bool {
        let is_under_way = |position: &Position| {
            self.handling.contains_key(position)
                || self.arming.contains(position)
                || self.armed.contains(position)
        };
        let alone = self.sending.as_ref().and_then(|sending| sending.alone);
        alone.as_ref().is_some_and(is_under_way)
    }

    /// Whether the entry, which was set aside, may be sent now. One that may have ended its session waits
    /// until nothing is under way, and nothing begins until then.
    pub(super) fn may_send_again(&mut self, position: Position) -> bool {
        let is_idle = self.entries_under_way() == 0;
        let failure = self.set_aside.at(position).and_then(|entry| entry.failure.as_ref());
        let is_doubtful = failure.is_some_and(|failure| may_end_sessions(failure.class));
        let Some(sending) = &mut self.sending else { return true };
        sending.is_quiet = is_doubtful && !is_idle;
        sending.alone = (is_doubtful && is_idle).then_some(position);
        !sending.is_quiet
    }

    /// Nothing waits for nothing to be under way.
    pub(super) fn end_quiet(&mut self) {
        if let Some(sending) = &mut self.sending {
            sending.is_quiet = false;
        }
    }

    pub(super) fn forget_doubt(&mut self, position: Position) {
        if let Some(sending) = &mut self.sending {
            sending.doubtful.remove(&position);
        }
    }

    /// The next entries to send, each of another key.
    pub(super) fn send_next(&mut self, now: Timestamp) -> Option<Action> {
        let is_idle = self.entries_under_way() == 0;
        let sending = self.sending.as_mut().filter(|sending| sending.may_send(now))?;
        let is_doubtful = !sending.doubtful.is_empty();
        if is_doubtful && !is_idle {
            return None;
        }
        let highest = self.cursor.get().saturating_add(AHEAD_MAX);
        let ready = self.lanes.ready().map(|(position, _)| position);
        let ready = ready.take_while(|position| position.get() <= highest);
        let batch: Vec<_> = ready.take(sending.batch.entries()).collect();
        let (first, rest) = batch.split_first()?;
        sending.under_way += 1;
        sending.alone = (is_doubtful && rest.is_empty()).then_some(*first);
        self.fresh_next = false;
        for position in &batch {
            self.lanes.begin(*position);
            self.handling.insert(*position, Handling::alone());
        }
        let (position, rest) = (*first, rest.to_vec());
        Some(Action::Handle { position, rest, attempt: 1, is_replay: false, changes: Vec::new() })
    }

    /// Takes in what has become of entries that were sent together; `is_heard` unless there was nobody
    /// to send them to.
    pub(super) fn sent(&mut self, now: Timestamp, outcomes: Vec<(Position, Sent)>, is_heard: bool) {
        let Some(sending) = &mut self.sending else { return };
        let is_unknown = |(_, sent): &&(_, Sent)| matches!(sent, Sent::Unknown { .. });
        let unknown = outcomes.iter().filter(is_unknown).map(|(position, _)| *position);
        let unknown: Vec<_> = unknown.collect();
        let first = outcomes.first().map(|(position, _)| *position);
        if first.is_some_and(|first| !self.set_aside.contains(first)) {
            sending.finish_batch(outcomes.len(), &unknown, is_heard);
        }
        sending.is_nobody_there = !is_heard;
        if unknown.len() < outcomes.len() {
            sending.pause = None;
        }
        if !unknown.is_empty() {
            sending.was_not_heard(now);
        }
        for (position, sent) in outcomes {
            match sent {
                Sent::Delivered => self.finish(position),
                Sent::Failed { failure, verdict, random } => {
                    self.fail(now, position, failure, verdict, random);
                }
                Sent::Unknown { failure, random } if is_heard && self.was_alone(position) => {
                    self.explain_losses();
                    self.fail(now, position, failure, Verdict::Again, random);
                }
                Sent::Unknown { failure, .. } => {
                    self.send_again(now, position, is_heard.then_some(failure));
                }
            }
        }
    }

    fn explain_losses(&mut self) {
        if let Some(sending) = &mut self.sending {
            sending.batch.is_explained();
        }
    }

    /// Whether nothing was beside it: neither is anything beside a probe.
    fn was_alone(&self, position: Position) -> bool {
        let alone = self.sending.as_ref().and_then(|sending| sending.alone);
        alone == Some(position) || self.handling.get(&position).is_some_and(|it| it.probe)
    }

    /// It is as if it had not been tried, but for the doubt that there is if it may have been.
    fn send_again(&mut self, now: Timestamp, position: Position, doubt: Option<Failure>) {
        let Some(Handling { attempt, .. }) = self.handling.remove(&position) else { return };
        let Some(entry) = self.set_aside.at(position) else {
            if let Some(sending) = self.sending.as_mut().filter(|_| doubt.is_some()) {
                sending.doubtful.insert(position);
            }
            let lane = self.lanes.lane_of(position).cloned();
            return lane.iter().for_each(|lane| self.lanes.let_go(lane));
        };
        let state = SetAsideState::Retrying { next_attempt_at: now };
        let attempts = attempt.saturating_sub(1);
        let failure = doubt.or_else(|| entry.failure.clone());
        let entry = SetAside { state, attempts, failure, ..entry.clone() };
        self.failed.insert(position);
        self.unrecorded.push(Change::SetAside(entry));
    }
}

/// Whether the failure may be that the entry ends the session it is sent in.
fn may_end_sessions(class: FailureClass) -> bool {
    use FailureClass::{Deadline, Panic, Unconfirmed};
    matches!(class, Unconfirmed | Panic | Deadline)
}
