//! How many entries are sent together: a pure machine.
//!
//! After a batch of which nothing is known it is half as many. What was lost to a line that is slow would
//! be lost again, so that beyond that size it grows only now and then; up to it, and once the loss is
//! known to be the fault of one entry, with each batch.

/// LIMIT: more were no faster with RabbitMQ, fewer were slower.
pub(super) const BATCH_MAX: usize = 500;

/// So many batches are delivered before a larger one is tried than got through the last time.
const CALM: u32 = 8;

#[derive(Debug)]
pub(super) struct BatchSize {
    now: usize,
    /// What gets through.
    sustained: usize,
    /// Batches of that size that did.
    calm: u32,
}

impl BatchSize {
    pub(super) fn new() -> Self {
        Self { now: BATCH_MAX, sustained: BATCH_MAX, calm: 0 }
    }

    pub(super) fn entries(&self) -> usize {
        self.now
    }

    pub(super) fn was_delivered(&mut self) {
        if self.now < self.sustained {
            self.now = (self.now * 2).min(self.sustained);
            return;
        }
        self.calm += 1;
        if self.calm >= CALM {
            (self.sustained, self.calm) = ((self.sustained * 2).min(BATCH_MAX), 0);
        }
    }

    /// So many, and of none of them anything is known.
    pub(super) fn was_lost(&mut self, entries: usize) {
        (self.now, self.calm) = ((entries / 2).max(1), 0);
        self.sustained = self.now;
    }

    /// These of them are next, to see which of them it is.
    pub(super) fn narrow(&mut self, entries: usize) {
        self.now = entries;
    }

    /// An entry is known to be why batches were lost.
    pub(super) fn is_explained(&mut self) {
        (self.sustained, self.calm) = (BATCH_MAX, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(size: &mut BatchSize, batches: u32) -> usize {
        (0..batches).for_each(|_| size.was_delivered());
        size.entries()
    }

    #[test]
    fn what_was_lost_is_not_sent_as_large_again_right_away() {
        let mut size = BatchSize::new();
        size.was_lost(500);
        assert_eq!(delivered(&mut size, CALM), 250);
        assert_eq!(delivered(&mut size, 1), 500);
        size.was_lost(500);
        size.was_lost(250);
        size.was_lost(125);
        assert_eq!(delivered(&mut size, CALM), 62);
        assert_eq!(delivered(&mut size, CALM + 1), 124);
        size.was_lost(1);
        assert_eq!(size.entries(), 1);
    }

    #[test]
    fn once_one_entry_is_known_to_be_why_it_grows_with_each_batch() {
        let mut size = BatchSize::new();
        for entries in [500, 250, 125, 62] {
            size.was_lost(entries);
        }
        size.narrow(1);
        size.is_explained();
        assert_eq!([1, 2, 3].map(|_| delivered(&mut size, 1)), [2, 4, 8]);
        assert_eq!(delivered(&mut size, 6), BATCH_MAX);
    }
}
