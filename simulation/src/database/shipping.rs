//! What has arrived where it was sent, and which attempts at sending it count. No process sees it.

use std::collections::{BTreeMap, BTreeSet};

use ensue::Position;
use ensue::subscription::{SetAside, SetAsideState};

use super::Database;
use crate::violation::{Checked, ensure};

#[derive(Default)]
pub(super) struct Shipping {
    /// At least once, whenever that was.
    arrived: BTreeSet<Position>,
    /// Operators have skipped these, or set the cursor beyond them.
    excused: BTreeSet<Position>,
    /// How many attempts at an entry say something of that entry.
    attempts: BTreeMap<Position, u32>,
}

impl Shipping {
    pub(super) fn excuse(&mut self, position: Position) {
        self.excused.insert(position);
    }

    /// What is after `to` is new again.
    pub(super) fn seek(&mut self, to: Position, passed: &[Position]) {
        self.excused.extend(passed);
        self.attempts.split_off(&to.next());
    }
}

impl Database {
    /// An entry arrives where it was sent, whoever sent it. True if it had before.
    ///
    /// INVARIANT: each first arrival comes after those of all earlier entries of its key, but for those
    /// that an operator skipped or set the cursor beyond. So it does if a lease was stolen.
    pub(crate) fn arrive(&mut self, position: Position) -> Checked<bool> {
        self.ledger.arrive(position);
        if !self.shipping.arrived.insert(position) {
            return Ok(true);
        }
        let key = self.key(position);
        let earlier = self.log().iter().take_while(|entry| entry.position < position);
        let of_key = earlier.filter(|entry| key.is_some() && entry.key.as_deref() == key);
        let mut missing = of_key.filter(|entry| entry.wanted).map(|entry| entry.position);
        let is_missing = |position: &Position| {
            !self.shipping.arrived.contains(position) && !self.shipping.excused.contains(position)
        };
        match missing.find(is_missing) {
            None => Ok(false),
            Some(earlier) => ensure(false, || {
                format!("entry {position} arrives before {earlier} of the same key")
            })
            .map(|()| false),
        }
    }

    /// An attempt has said something of the entry: it was refused, or has ended its session alone.
    pub(crate) fn count_attempt(&mut self, position: Position) {
        *self.shipping.attempts.entry(position).or_default() += 1;
    }

    /// What the owner before had begun is counted, since nobody knows what came of it.
    pub(super) fn count_what_was_begun(&mut self) {
        for (position, entry) in &self.set_aside {
            let counted = self.shipping.attempts.entry(*position).or_default();
            *counted = entry.attempts.max(*counted);
        }
    }

    /// INVARIANT: an attempt is counted, and an entry set aside, for what the entry itself has met with;
    /// not while there is nobody to send to, nor for what became of another one beside it.
    pub(super) fn check_attempts(&mut self, entry: &SetAside) -> Checked {
        let SetAside { position, attempts, state, .. } = *entry;
        let is_anew = attempts == 0 && matches!(state, SetAsideState::Retrying { .. });
        if is_anew {
            self.shipping.attempts.remove(&position);
        }
        let counted = self.shipping.attempts.get(&position).copied().unwrap_or(0);
        let is_new = !self.set_aside.contains_key(&position);
        // One that is about to begin is on record.
        let is_known = is_new && entry.failure.is_some() || state == SetAsideState::Parked;
        let allowed = if is_known { counted } else { counted + 1 };
        ensure(attempts <= allowed, || {
            format!("entry {position} has {attempts} attempts on record, and {counted} that count")
        })
    }
}
