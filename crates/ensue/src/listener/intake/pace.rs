//! How many messages a transaction takes: a pure machine.
//!
//! A transaction that is open for long holds up others, on an embedded store everybody, and one that
//! fails was for nothing. So it takes twice as many as the one before for as long as that was short,
//! and fewer after a long one or one that failed.

use std::time::Duration;

/// LIMIT: a batch that took less than this may be followed by a larger one,
const SHORT: Duration = Duration::from_millis(250);

/// and one that took more by a smaller one.
const LONG: Duration = Duration::from_secs(1);

/// Of the first batch, when nothing is known.
const FIRST: usize = 16;

#[derive(Debug)]
pub(super) struct Pace {
    most: usize,
    now: usize,
}

impl Pace {
    pub(super) fn up_to(most: usize) -> Self {
        let most = most.max(1);
        Self { most, now: FIRST.min(most) }
    }

    pub(super) fn messages(&self) -> usize {
        self.now
    }

    pub(super) fn succeeded(&mut self, took: Duration) {
        if took < SHORT {
            self.now = (self.now * 2).min(self.most);
        } else if took > LONG {
            self.now = (self.now / 2).max(1);
        }
    }

    /// The first message that failed was the one after so many. Those are the next batch: however many
    /// fail, each is handled twice for it at the most.
    pub(super) fn failed_after(&mut self, succeeded: usize) {
        self.now = succeeded.clamp(1, self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_while_they_are_short_and_shrink_when_they_are_long() {
        let mut pace = Pace::up_to(100);
        let mut after = |took| {
            pace.succeeded(took);
            pace.messages()
        };
        assert_eq!([SHORT / 2; 4].map(&mut after), [32, 64, 100, 100]);
        assert_eq!([LONG * 2, SHORT, LONG * 2].map(&mut after), [50, 50, 25]);
        assert_eq!(Pace::up_to(0).messages(), 1);
    }

    #[test]
    fn what_came_before_a_failure_is_the_next_batch() {
        let mut pace = Pace::up_to(100);
        pace.failed_after(7);
        assert_eq!(pace.messages(), 7);
        pace.failed_after(0);
        assert_eq!(pace.messages(), 1);
    }
}
