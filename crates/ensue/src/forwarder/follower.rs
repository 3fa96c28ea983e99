//! What becomes of each entry: a pure machine.
//!
//! It is told what was read and how each piece of work ended, and answers with the next one. One
//! piece is under way at a time. Whatever moves the subscription on is a list of [`Change`]s that
//! the shell records in one transaction (with the effect, where the handler takes part in it) and
//! that the machine makes its own once they are recorded. If it is not known whether they were, the
//! machine is thrown away and a new term begins from what is stored.
//!
//! INVARIANT: an entry is handled only after every earlier entry of its key has been handled, and
//! the cursor passes an entry only together with its effect, its being set aside, or its being none
//! of the subscription's business.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use ensue_core::{Position, Timestamp};

use super::set_aside::SetAsideEntries;
use crate::RetryPolicy;
use crate::subscription::{Change, Failure, SetAside, SetAsideState, Term};

/// Entries that the subscription passes by are not worth a write each: the cursor moves over them
/// with the next one that is, and otherwise after this time
const MISSES_SAVED_AFTER: Duration = Duration::from_secs(1);

/// or this many of them.
const MISSES_MAX: u64 = 10_000;

/// LIMIT: as many entries are put behind their keys in one transaction.
const QUEUED_AT_ONCE_MAX: usize = 1_000;

#[derive(Debug)]
pub(crate) struct Follower {
    policy: RetryPolicy,
    /// As stored.
    cursor: Position,
    /// Everything up to here is decided, if not all of it stored yet.
    passed: Position,
    passed_since: Option<Timestamp>,
    head: Position,
    page: VecDeque<Seen>,
    set_aside: SetAsideEntries,
    under_way: Option<Work>,
    /// Who is tried next where both a fresh entry and one that was set aside could be: they take
    /// turns, so that neither a backlog nor many failing keys can starve the other.
    fresh_next: bool,
    stopping: bool,
}

/// What the machine needs to know of an entry that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) position: Position,
    pub(crate) key: Option<String>,
    /// Whether the subscription has a handler for it.
    pub(crate) wanted: bool,
}

/// What has happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// Time has passed, or the log has grown up to here.
    Woken { head: Position },
    /// These entries were read.
    Read { entries: Vec<Seen> },
    /// The work that was under way is done and its changes are recorded.
    Done,
    /// The handler that was under way failed, and nothing of it is left; `random` is evenly drawn.
    Failed { failure: Failure, random: u64 },
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Read on after this position.
    Read { after: Position },
    /// Handle the entry at this position; with its effect, record `changes`.
    Handle { position: Position, attempt: u32, changes: Vec<Change> },
    /// Record these changes.
    Record { changes: Vec<Change> },
    /// Nothing, until the log grows or this time comes.
    Wait { until: Option<Timestamp> },
    /// Nothing any more.
    Stop,
}

#[derive(Debug)]
enum Work {
    Handling { position: Position, key: Option<String>, attempt: u32, changes: Vec<Change> },
    Recording { changes: Vec<Change> },
}

impl Follower {
    pub(crate) fn new(term: Term, policy: RetryPolicy) -> Self {
        Self {
            policy,
            cursor: term.cursor,
            passed: term.cursor,
            passed_since: None,
            head: term.cursor,
            page: VecDeque::new(),
            set_aside: SetAsideEntries::new(term.set_aside),
            under_way: None,
            fresh_next: false,
            stopping: false,
        }
    }

    /// From now on, what is under way is finished and nothing new begun.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
    }

    pub(crate) fn step(&mut self, now: Timestamp, input: Input) -> Action {
        match input {
            Input::Woken { head } => self.head = self.head.max(head),
            Input::Read { entries } => self.take_page(entries),
            Input::Done => self.finish_work(),
            Input::Failed { failure, random } => return self.put_aside(now, failure, random),
        }
        self.decide(now)
    }

    fn decide(&mut self, now: Timestamp) -> Action {
        debug_assert!(self.under_way.is_none(), "one piece of work at a time");
        if self.stopping {
            return self.save_or(Action::Stop);
        }
        if let Some(position) = self.due(now)
            && !(self.fresh_next && self.has_fresh())
        {
            self.fresh_next = true;
            return self.try_again(now, position);
        }
        let action = self.go_on(now);
        self.fresh_next &= matches!(action, Action::Read { .. });
        action
    }

    /// The entry that is to be tried again now. One whose time is further off than any backoff was
    /// set aside by a clock that was ahead.
    fn due(&self, now: Timestamp) -> Option<Position> {
        let (at, position) = self.set_aside.next_due()?;
        (at <= now || at > now.plus(self.policy.longest())).then_some(position)
    }

    fn has_fresh(&self) -> bool {
        !self.page.is_empty() || self.passed < self.head
    }

    /// The next entry of the page that needs something done.
    fn go_on(&mut self, now: Timestamp) -> Action {
        self.pass_misses(now);
        match self.page.front() {
            Some(seen) if self.set_aside.holds(seen.key.as_deref()) => self.queue_up(now),
            Some(_) => self.try_first(),
            None if self.too_many_unsaved(now) => self.save_or(Action::Wait { until: None }),
            None if self.passed < self.head => Action::Read { after: self.passed },
            None => Action::Wait { until: self.next_wake_up() },
        }
    }

    fn take_page(&mut self, entries: Vec<Seen>) {
        match entries.last() {
            Some(last) => self.head = self.head.max(last.position),
            // The head was further than what can be read: pruned, or taken back with a lost tail.
            // Wait for it to move.
            None => self.head = self.passed,
        }
        self.page.extend(entries);
    }

    fn pass_misses(&mut self, now: Timestamp) {
        while let Some(miss) = self.page.pop_front_if(|seen| !seen.wanted) {
            self.passed = miss.position;
            self.passed_since.get_or_insert(now);
        }
    }

    fn try_first(&mut self) -> Action {
        let Some(Seen { position, key, .. }) = self.page.pop_front() else {
            return Action::Wait { until: self.next_wake_up() };
        };
        self.handle(position, key, 1, vec![Change::Advance { to: position }])
    }

    fn try_again(&mut self, now: Timestamp, position: Position) -> Action {
        let entry = self.set_aside.at(position);
        let (key, attempts) = entry.map_or((None, 0), |entry| (entry.key.clone(), entry.attempts));
        let changes = self.set_aside.release(position, now);
        self.handle(position, key, attempts.saturating_add(1), changes)
    }

    fn handle(
        &mut self,
        position: Position,
        key: Option<String>,
        attempt: u32,
        changes: Vec<Change>,
    ) -> Action {
        let handed = changes.clone();
        self.under_way = Some(Work::Handling { position, key, attempt, changes });
        Action::Handle { position, attempt, changes: handed }
    }

    /// Puts the entries that follow, as long as their keys are held, behind those.
    fn queue_up(&mut self, now: Timestamp) -> Action {
        let mut changes = Vec::new();
        while changes.len() < QUEUED_AT_ONCE_MAX
            && let Some(seen) = self.pop_held()
        {
            self.passed = seen.position;
            changes.push(Change::SetAside(SetAside {
                position: seen.position,
                key: seen.key,
                state: SetAsideState::Queued,
                attempts: 0,
                failure: None,
            }));
            self.pass_misses(now);
        }
        changes.push(Change::Advance { to: self.passed });
        self.record(changes)
    }

    fn pop_held(&mut self) -> Option<Seen> {
        let set_aside = &self.set_aside;
        self.page.pop_front_if(|seen| set_aside.holds(seen.key.as_deref()))
    }

    /// A failed entry leaves the way, or stays out of it.
    fn put_aside(&mut self, now: Timestamp, failure: Failure, random: u64) -> Action {
        let Some(Work::Handling { position, key, attempt, .. }) = self.under_way.take() else {
            return self.decide(now);
        };
        let delay = self.policy.delay(attempt, random).filter(|_| failure.class.is_retryable());
        let state = match delay {
            Some(delay) => SetAsideState::Retrying { next_attempt_at: now.plus(delay) },
            None => SetAsideState::Parked,
        };
        let fresh = !self.set_aside.contains(position);
        let failed = SetAside { position, key, state, attempts: attempt, failure: Some(failure) };
        let mut changes = vec![Change::SetAside(failed)];
        if fresh {
            changes.push(Change::Advance { to: position });
        }
        self.record(changes)
    }

    fn record(&mut self, changes: Vec<Change>) -> Action {
        self.under_way = Some(Work::Recording { changes: changes.clone() });
        Action::Record { changes }
    }

    fn finish_work(&mut self) {
        let Some(Work::Handling { changes, .. } | Work::Recording { changes }) =
            self.under_way.take()
        else {
            return;
        };
        for change in changes {
            match change {
                Change::Advance { to } => self.advance(to),
                Change::SetAside(entry) => self.set_aside.put(entry),
                Change::Settle { position } => self.set_aside.remove(position),
            }
        }
    }

    fn advance(&mut self, to: Position) {
        self.cursor = to;
        if self.passed <= to {
            self.passed = to;
            self.passed_since = None;
        }
    }

    fn too_many_unsaved(&self, now: Timestamp) -> bool {
        let waited = self
            .passed_since
            .is_some_and(|since| now >= since.plus(MISSES_SAVED_AFTER) || now < since);
        waited || self.passed.get() - self.cursor.get() >= MISSES_MAX
    }

    fn save_or(&mut self, otherwise: Action) -> Action {
        if self.passed > self.cursor {
            return self.record(vec![Change::Advance { to: self.passed }]);
        }
        otherwise
    }

    fn next_wake_up(&self) -> Option<Timestamp> {
        let retry = self.set_aside.next_due().map(|(at, _)| at);
        let save = self.passed_since.map(|since| since.plus(MISSES_SAVED_AFTER));
        retry.into_iter().chain(save).min()
    }
}
