//! What is recorded by itself, with no effect: failures, what waits behind them, and the cursor.

use std::collections::BTreeSet;
use std::time::Duration;

use ensue_core::{Position, Timestamp};

use super::Follower;
use crate::subscription::{Change, SetAside, SetAsideState};

/// A cursor that could be further is not worth a write of its own: it moves with whatever else is
/// recorded, and otherwise after this time,
const CURSOR_SAVED_AFTER: Duration = Duration::from_secs(1);

/// this many positions,
const CURSOR_BEHIND_MAX: u64 = 10_000;

/// or this many receipts.
const RECEIPTS_SWEPT_AT: usize = 100;

/// LIMIT: entries queued behind their keys in one transaction. On SQLite the process cannot renew its
/// leases meanwhile, and a term that ends before the commit loses all of that work.
const QUEUED_AT_ONCE_MAX: usize = 100;

/// LIMIT: keys that are held. So many poisoned ones mean that the handler is broken, and the next
/// owner has to load them all.
const HELD_KEYS_MAX: usize = 10_000;

/// LIMIT: entries that are set aside, for the same reasons.
const SET_ASIDE_MAX: usize = 1_000_000;

impl Follower {
    /// What is to be recorded now, if anything is.
    pub(super) fn next_changes(&mut self, now: Timestamp) -> Option<Vec<Change>> {
        // Two transactions that move the cursor could commit in the wrong order.
        let cursor_is_moving = self.width == 1 && !self.handling.is_empty();
        if self.recording.is_some() || cursor_is_moving {
            return None;
        }
        self.put_behind();
        self.keep_limits();
        if !self.is_busy() && self.unrecorded.is_empty() {
            match self.operations.has_requests() {
                true => self.execute_next(now),
                false => self.put_up_page(now),
            }
        }
        self.answer_replay();
        let mut changes = std::mem::take(&mut self.unrecorded);
        if self.operations.is_over() || (changes.is_empty() && !self.cursor_is_due(now)) {
            return None;
        }
        self.add_cursor(&mut changes);
        Some(changes)
    }

    /// Puts fresh entries of lanes that are held behind those that hold them; unless that is but
    /// one, and just being tried.
    fn put_behind(&mut self) {
        for lane in std::mem::take(&mut self.held) {
            if !self.set_aside.holds(&lane) {
                self.lanes.let_go(&lane);
                continue;
            }
            if self.set_aside.is_being_tried(&lane) {
                self.held.insert(lane);
                continue;
            }
            let room = QUEUED_AT_ONCE_MAX.saturating_sub(self.unrecorded.len());
            let mut entries = self.lanes.of(&lane);
            let queued = entries.by_ref().take(room).map(|position| {
                Change::SetAside(SetAside {
                    position,
                    key: lane.key(),
                    state: SetAsideState::Queued,
                    attempts: 0,
                    failure: None,
                    is_replay: false,
                })
            });
            self.unrecorded.extend(queued);
            if entries.next().is_some() {
                self.held.insert(lane);
            }
        }
    }

    /// Stops loudly.
    fn keep_limits(&mut self) {
        let (keys, entries) = (self.set_aside.lanes(), self.set_aside.len());
        let beyond = keys >= HELD_KEYS_MAX || entries >= SET_ASIDE_MAX;
        if beyond && !self.operations.is_paused() {
            self.pause(format!("{entries} entries of {keys} keys are set aside"));
        }
    }

    /// Adds the cursor to what is recorded anyway.
    fn add_cursor(&self, changes: &mut Vec<Change>) {
        let decided: BTreeSet<_> = changes.iter().filter_map(decided_by).collect();
        let to = self.decided_up_to(&decided);
        if changes.iter().any(|change| matches!(change, Change::Seek { .. })) {
            return;
        }
        if to > self.cursor {
            changes.push(Change::Advance { to });
        }
        if self.has_receipts_up_to(to) {
            changes.push(Change::Forget { up_to: to });
        }
    }

    fn cursor_is_due(&self, now: Timestamp) -> bool {
        let decided = self.decided_up_to(&BTreeSet::new());
        let receipts = self.has_receipts_up_to(decided);
        let waited_long = self.cursor_saved_at().is_some_and(|at| at <= now);
        let clock_was_ahead = self.unsaved_since.is_some_and(|since| since > now);
        let behind = decided.get().saturating_sub(self.cursor.get());
        // What is recorded with nothing would be sent again.
        let is_sent = self.sending.is_some();
        let late = is_sent
            || self.stopping
            || waited_long
            || clock_was_ahead
            || behind >= CURSOR_BEHIND_MAX;
        let sweep = self.stopping || self.is_idle() || self.receipts.len() >= RECEIPTS_SWEPT_AT;
        behind > 0 && late || receipts && sweep
    }

    fn has_receipts_up_to(&self, position: Position) -> bool {
        self.receipts.first().is_some_and(|first| *first <= position)
    }

    /// Whether everything that was read is decided.
    fn is_idle(&self) -> bool {
        !self.is_busy() && self.lanes.is_empty()
    }

    pub(super) fn cursor_saved_at(&self) -> Option<Timestamp> {
        self.unsaved_since.map(|since| since.plus(CURSOR_SAVED_AFTER))
    }

    /// The last position that needs no handling any more, but for what is set aside, once `decided`
    /// are.
    pub(super) fn decided_up_to(&self, decided: &BTreeSet<Position>) -> Position {
        self.lanes.first_without(decided).map_or(self.read_up_to, Position::previous)
    }
}

/// The entry that is out of the way by this.
fn decided_by(change: &Change) -> Option<Position> {
    match change {
        Change::SetAside(entry) => Some(entry.position),
        _ => None,
    }
}
