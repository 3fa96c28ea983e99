//! Which entry is tried next, and how it is made sure that the attempt is on record.

use ensue_core::{Position, Timestamp};

use super::{Action, Follower, Handling, Sending, Suspects};
use crate::subscription::{Change, Failure, FailureClass, SetAside, SetAsideState};

/// LIMIT: the part of all lanes that entries which were set aside may take while fresh ones wait.
/// What fails often fails slowly, by a timeout, and would take them all.
const RETRYING_PART: usize = 4;

/// Another page is read when fewer entries than this wait; a page of the shell is as large.
const WAITING_MIN: usize = 1_000;

/// LIMIT: receipts while a slow entry holds the cursor back. Each is a row to be loaded at a
/// take-over; ten thousand are loaded in a moment.
const RECEIPTS_MAX: usize = 10_000;

impl Follower {
    /// Whether anything more may begin.
    pub(super) fn may_begin(&self) -> bool {
        // A single lane is one piece of work at a time: its cursor moves with each effect.
        let recording = usize::from(self.width == 1 && self.recording.is_some());
        let free = self.entries_under_way() + recording < self.width;
        let may_begin = !self.stopping && !self.operations.hold_everything_up();
        free && may_begin && !self.is_sending_alone()
    }

    pub(super) fn wants_to_read(&self) -> bool {
        let known = self.head.is_some();
        known && !self.has_read_enough() && !self.reading && !self.operations.hold_everything_up()
    }

    fn has_read_enough(&self) -> bool {
        let most = match self.suspects {
            // As far as the owner before can have looked.
            Suspects::Unknown => 2 * WAITING_MIN,
            Suspects::Known(_) if self.sending.is_some() => WAITING_MIN + Sending::WIDTH,
            Suspects::Known(_) => WAITING_MIN,
        };
        self.head.is_some_and(|head| self.read_up_to >= head) || self.lanes.len() >= most
    }

    /// Puts the next attempt at an entry that was set aside, or that may have ended the process
    /// before this one, on record.
    pub(super) fn arm_due(&mut self, now: Timestamp) {
        self.end_quiet();
        if self.nobody_is_there(now) {
            return;
        }
        self.find_suspects();
        let is_idle = self.entries_under_way() == 0;
        let next = match &self.suspects {
            Suspects::Unknown => None,
            Suspects::Known(_) => match self.next_suspect() {
                // One at a time, so that the next owner knows which it was.
                Some(suspect) => is_idle.then_some(suspect),
                None if self.outage.is_on() => self.probe(now),
                None => self.due(now),
            },
        };
        if let Some(position) = next.filter(|position| self.may_send_again(*position)) {
            let is_fresh_probe = self.outage.is_on() && !self.set_aside.contains(position);
            self.fresh_next = !is_fresh_probe;
            self.arm(now, position);
        }
    }

    /// One that waits behind another of its key is a suspect still, until that it waits is recorded:
    /// the one before it may yet succeed.
    fn next_suspect(&self) -> Option<Position> {
        let is_held = |lane| self.set_aside.holds(lane);
        self.suspects.iter().find(|suspect| !self.lanes.lane_of(*suspect).is_some_and(is_held))
    }

    fn find_suspects(&mut self) {
        if matches!(self.suspects, Suspects::Unknown) && !self.reading && self.has_read_enough() {
            self.suspects = Suspects::Known(self.possibly_under_way().into());
        }
    }

    /// The entry that is to be tried again now. One whose time is further off than any backoff was
    /// set aside by a clock that was ahead.
    fn due(&self, now: Timestamp) -> Option<Position> {
        let retrying = self.entries_under_way() - self.fresh_under_way();
        let enough = self.fresh_next || retrying >= (self.width / RETRYING_PART).max(1);
        if enough && self.has_fresh() {
            return None;
        }
        let (at, position) = self.set_aside.next_due()?;
        let absurd = at > now.plus(self.policy.longest()) && !self.named.contains(&position);
        (at <= now || absurd).then_some(position)
    }

    /// While everything fails, one entry is tried now and then, whatever its own time is. Of what is sent,
    /// those that were set aside and fresh ones take turns: it may be that only the former are refused.
    fn probe(&self, now: Timestamp) -> Option<Position> {
        if !self.outage.is_due(now) || self.entries_under_way() > 0 {
            return None;
        }
        let set_aside = self.set_aside.next_due().map(|(_, position)| position);
        let fresh = self.lanes.ready().next().map(|(position, _)| position);
        match self.fresh_next {
            true => fresh.or(set_aside),
            false => set_aside.or(fresh),
        }
    }

    fn has_fresh(&self) -> bool {
        self.lanes.ready().next().is_some() && self.receipts.len() < RECEIPTS_MAX
    }

    fn fresh_under_way(&self) -> usize {
        let begun = self.handling.keys().chain(&self.failed);
        begun.filter(|position| !self.set_aside.contains(**position)).count()
    }

    /// Puts an attempt on record: if the process ends during it, this is what the next owner finds.
    fn arm(&mut self, now: Timestamp, position: Position) {
        let known = self.set_aside.at(position);
        let attempts = known.map_or(0, |entry| entry.attempts);
        let failure = known.and_then(|entry| entry.failure.clone());
        let is_suspect = self.suspects.iter().any(|suspect| suspect == position);
        self.lanes.begin(position);
        self.set_aside.try_now(position);
        if attempts > 0 && !self.policy.allows_more_than(attempts) {
            return self.give_up(position, attempts);
        }
        let attempts = attempts.saturating_add(1);
        let next_attempt_at = now.plus(self.policy.longest_delay(attempts));
        let armed = SetAside {
            position,
            key: self.key_of(position),
            state: SetAsideState::Retrying { next_attempt_at },
            attempts,
            failure: failure.or_else(|| is_suspect.then(crashed)),
            is_replay: self.is_replay(position),
        };
        self.arming.insert(position);
        self.unrecorded.push(Change::SetAside(armed));
    }

    /// The last attempt that is allowed is on record, and nobody has lived to tell what came of it.
    fn give_up(&mut self, position: Position, attempts: u32) {
        self.failed.insert(position);
        self.unrecorded.push(Change::SetAside(SetAside {
            position,
            key: self.key_of(position),
            state: SetAsideState::Parked,
            attempts,
            failure: Some(crashed()),
            is_replay: self.is_replay(position),
        }));
    }

    /// Begins an attempt that is on record.
    pub(super) fn try_again(&mut self, position: Position) -> Action {
        let attempt = self.set_aside.at(position).map_or(1, |entry| entry.attempts);
        let mut changes = vec![Change::Settle { position }];
        if position > self.cursor {
            changes.push(Change::Receipt { position });
        }
        self.handle(position, Vec::new(), attempt, changes)
    }

    /// Begins with the next fresh entry.
    pub(super) fn try_first(&mut self, now: Timestamp) -> Option<Action> {
        if self.is_suspicious() || self.outage.is_on() || !self.has_fresh() {
            return None;
        }
        if self.sending.is_some() {
            return self.send_next(now);
        }
        let (position, _) = self.lanes.ready().next()?;
        let rest = self.batch_behind(position);
        std::iter::once(position).chain(rest.iter().copied()).for_each(|it| self.lanes.begin(it));
        self.fresh_next = false;
        let last = rest.last().copied().unwrap_or(position);
        let changes = match self.width {
            1 => vec![Change::Advance { to: last }],
            _ => vec![Change::Receipt { position }],
        };
        Some(self.handle(position, rest, 1, changes))
    }

    fn handle(
        &mut self,
        position: Position,
        rest: Vec<Position>,
        attempt: u32,
        changes: Vec<Change>,
    ) -> Action {
        let (probe, is_replay) = (self.outage.is_on(), self.is_replay(position));
        let handling = Handling { rest: rest.clone(), attempt, probe, changes: changes.clone() };
        self.handling.insert(position, handling);
        Action::Handle { position, rest, attempt, is_replay, changes }
    }

    /// When there may be something to do although nothing has happened.
    pub(super) fn wake_up_at(&self, now: Timestamp) -> Option<Timestamp> {
        let attempt = match self.outage.probe_at() {
            Some(probe_at) => Some(probe_at),
            None => self.set_aside.next_due().map(|(at, _)| at),
        };
        let attempt = attempt.filter(|_| !self.operations.hold_everything_up());
        // What is due and has not begun waits for other work to end, not for time to pass.
        let times = attempt.into_iter().chain(self.cursor_saved_at()).chain(self.looks_again_at());
        let later = times.filter(|at| *at > now);
        later.min()
    }
}

fn crashed() -> Failure {
    Failure::new(FailureClass::Crash, "the process ended while this, or another entry, was handled")
}
