//! Entries that leave the process, many at once: a pure machine.
//!
//! What is sent together is the first of each key, so that one of them that fails is overtaken by no
//! other of its key. The other side may have a message twice and knows it by its id, so nothing is
//! recorded with what was delivered but the cursor, while the next ones are under way already.
//!
//! When there is nobody to send to, or it is not known what has become of what was sent, nothing has
//! failed: it waits, and is sent again. But one that ends every session it is sent in has; to find it,
//! ever fewer are sent together.

use std::collections::VecDeque;
use std::time::Duration;

use ensue_core::{Position, Timestamp};

use super::{Action, Follower, Handling, Suspects};
use crate::subscription::{Change, Failure, SetAside, SetAsideState, Verdict};

/// LIMIT: entries that are sent together. More were no faster with RabbitMQ, fewer were slower.
const BATCH_MAX: usize = 500;

/// LIMIT: how many batches are under way. While the answers to one arrive, the next is on its way.
const UNDER_WAY_MAX: usize = 2;

/// Before it is looked whether anybody is there again: at first,
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// and at the longest, so that whoever returns has been found within a second.
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// What a subscription with a sink has under way.
#[derive(Debug)]
pub(super) struct Sending {
    under_way: usize,
    /// How many entries are sent together now.
    batch: usize,
    pause: Option<Pause>,
    is_nobody_there: bool,
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
        Self { under_way: 0, batch: BATCH_MAX, pause: None, is_nobody_there: false }
    }

    fn may_send(&self, now: Timestamp) -> bool {
        self.under_way < UNDER_WAY_MAX && !self.is_pausing(now)
    }

    /// The pause after a clock that was ahead is no longer than any pause.
    fn is_pausing(&self, now: Timestamp) -> bool {
        let until = self.pause.map(|pause| pause.until);
        until.is_some_and(|until| until > now && until <= now.plus(LONGEST_PAUSE))
    }

    fn was_heard(&mut self) {
        self.pause = None;
        self.batch = (self.batch * 2).min(BATCH_MAX);
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

    /// The next entries to send, each of another key.
    pub(super) fn send_next(&mut self, now: Timestamp) -> Option<Action> {
        let sending = self.sending.as_mut().filter(|sending| sending.may_send(now))?;
        let ready = self.lanes.ready().map(|(position, _)| position);
        let batch: Vec<_> = ready.take(sending.batch).collect();
        let (first, rest) = batch.split_first()?;
        sending.under_way += 1;
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
        let (first, alone) = (outcomes.first().map(|(position, _)| *position), outcomes.len() == 1);
        if first.is_some_and(|first| !self.set_aside.contains(first)) {
            sending.under_way = sending.under_way.saturating_sub(1);
        }
        sending.is_nobody_there = !is_heard;
        let is_known = |(_, sent): &(_, Sent)| !matches!(sent, Sent::Unknown { .. });
        match outcomes.iter().all(is_known) {
            true => sending.was_heard(),
            false => sending.was_not_heard(now),
        }
        if is_heard && !outcomes.iter().any(is_known) {
            sending.batch = (outcomes.len() / 2).max(1);
        }
        for (position, sent) in outcomes {
            match sent {
                Sent::Delivered => self.finish(position),
                Sent::Failed { failure, verdict, random } => {
                    self.fail(now, position, failure, verdict, random);
                }
                Sent::Unknown { failure, random } if is_heard && alone => {
                    self.fail(now, position, failure, Verdict::Again, random);
                }
                Sent::Unknown { .. } => self.send_again(now, position),
            }
        }
    }

    /// It is as if it had not been tried.
    fn send_again(&mut self, now: Timestamp, position: Position) {
        let Some(Handling { attempt, .. }) = self.handling.remove(&position) else { return };
        let Some(entry) = self.set_aside.at(position) else {
            let lane = self.lanes.lane_of(position).cloned();
            return lane.iter().for_each(|lane| self.lanes.let_go(lane));
        };
        let state = SetAsideState::Retrying { next_attempt_at: now };
        let attempts = attempt.saturating_sub(1);
        let entry = SetAside { state, attempts, ..entry.clone() };
        self.failed.insert(position);
        self.unrecorded.push(Change::SetAside(entry));
    }
}
