//! Who runs the subscription, by the database's clock.

use std::time::Duration;

use ensue::Timestamp;
use ensue::subscription::{Epoch, TakeOver, Term};

use super::Database;
use crate::mutant::Mutant;

pub(crate) struct Lease {
    owner: String,
    until: Timestamp,
    /// None if it was handed over.
    length: Duration,
    /// It may end before it has run out: somebody ended it, or set the clock.
    disturbed: bool,
}

impl Database {
    /// What `owner` would begin with now. Only a mutant asks before it takes over.
    pub(crate) fn term_before(&self) -> Term {
        self.term(true)
    }

    pub(crate) fn take_over(&mut self, owner: &str, length: Duration, now: Duration) -> TakeOver {
        let now = self.clock(now);
        if let Some(lease) = self.lease.as_ref().filter(|lease| lease.holds_up(owner, now)) {
            let remaining = lease.until.since(now);
            return TakeOver::Held { owner: lease.owner.clone(), remaining };
        }
        let was_its_own = self.lease.as_ref().is_some_and(|lease| lease.owner == owner);
        let was_released = self.lease.as_ref().is_none_or(|lease| lease.length.is_zero());
        let is_handed_over = was_its_own || was_released;
        if was_its_own || self.lease.as_ref().is_some_and(|lease| lease.disturbed) {
            self.robbed.insert(self.epoch);
        }
        if !self.is(Mutant::EpochNotRaised) || self.lease.is_none() {
            self.epoch = Epoch::new(self.epoch.get() + 1);
        }
        let until = now.plus(length);
        self.lease = Some(Lease { owner: owner.to_owned(), until, length, disturbed: false });
        self.count_what_was_begun();
        TakeOver::Granted(self.term(is_handed_over))
    }

    pub(crate) fn renew(&mut self, epoch: Epoch, length: Duration, now: Duration) -> bool {
        let now = self.clock(now);
        let Some(lease) = self.lease.as_mut().filter(|_| self.epoch == epoch) else { return false };
        *lease =
            Lease { owner: lease.owner.clone(), until: now.plus(length), length, disturbed: false };
        true
    }

    pub(crate) fn release(&mut self, epoch: Epoch, now: Duration) {
        let now = self.clock(now);
        if let Some(lease) = self.lease.as_mut().filter(|_| self.epoch == epoch) {
            lease.until = now;
            lease.length = Duration::ZERO;
        }
    }

    /// Ends the lease that runs.
    pub(crate) fn steal(&mut self, now: Duration) {
        let now = self.clock(now);
        if let Some(lease) = &mut self.lease {
            lease.until = lease.until.min(now);
            lease.disturbed = true;
        }
    }

    /// Sets the clock.
    pub(crate) fn set_clock(&mut self, ahead: i64) {
        self.ahead = ahead;
        if let Some(lease) = &mut self.lease {
            lease.disturbed = true;
        }
    }

    /// Whether an owner of `epoch` has a right to think that it still is.
    pub(crate) fn is_owner(&self, epoch: Epoch) -> bool {
        self.epoch == epoch || self.robbed.contains(&epoch)
    }
}

impl Lease {
    /// It runs, and was not begun in the future, as one that was given by a clock which has been
    /// set back since.
    fn holds_up(&self, owner: &str, now: Timestamp) -> bool {
        let length = i64::try_from(self.length.as_micros()).unwrap_or(i64::MAX);
        let begun_at = self.until.as_micros().saturating_sub(length);
        self.owner != owner && self.until > now && begun_at <= now.as_micros()
    }
}
