//! Time that passes when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::{Clock, Timestamp};

/// A clock that stands still until a test moves it on; clones show the same time.
///
/// ```
/// use ensue::testing::VirtualClock;
/// use std::time::Duration;
///
/// let clock = VirtualClock::default();
/// let began = clock.now();
/// clock.advance(Duration::from_secs(300));
/// assert_eq!(clock.now().since(began), Duration::from_secs(300));
/// ```
#[derive(Debug, Clone)]
pub struct VirtualClock(Arc<AtomicI64>);

impl VirtualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.as_micros())))
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }

    /// Lets `duration` pass.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now().plus(duration));
    }

    /// Lets it show `now`.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::Relaxed);
    }
}

impl Default for VirtualClock {
    /// 2000-01-01T00:00:00Z.
    fn default() -> Self {
        Self::at(Timestamp::from_micros(946_684_800_000_000))
    }
}

impl From<&VirtualClock> for Clock {
    fn from(clock: &VirtualClock) -> Self {
        let clock = clock.clone();
        Self::new(move || clock.now())
    }
}
