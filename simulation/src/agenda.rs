//! What is to happen, in the order of time.

use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) struct Agenda<T> {
    now: Duration,
    /// What is to happen at one time happens in the order in which it was put here.
    items: BTreeMap<(Duration, u64), T>,
    put: u64,
}

impl<T> Agenda<T> {
    pub(crate) fn new() -> Self {
        Self { now: Duration::ZERO, items: BTreeMap::new(), put: 0 }
    }

    /// The time that really is.
    pub(crate) fn now(&self) -> Duration {
        self.now
    }

    /// Lets `item` happen at `time`, and not before now.
    pub(crate) fn put_at(&mut self, time: Duration, item: T) {
        self.put += 1;
        self.items.insert((time.max(self.now), self.put), item);
    }

    pub(crate) fn put_after(&mut self, delay: Duration, item: T) {
        self.put_at(self.now + delay, item);
    }

    /// Removes the matching entries and returns them in their order.
    pub(crate) fn take(&mut self, is_of_it: impl Fn(&T) -> bool) -> Vec<T> {
        let of_it = self.items.extract_if(.., |_, item| is_of_it(item));
        of_it.map(|(_, item)| item).collect()
    }

    /// What happens next; time goes on until then.
    pub(crate) fn next(&mut self) -> Option<T> {
        let ((time, _), item) = self.items.pop_first()?;
        self.now = time;
        Some(item)
    }
}
