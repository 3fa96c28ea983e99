//! When something happened.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ensue::Timestamp;

/// A point in time, in microseconds since 1970.
///
/// It is the wall's clock, the one that all processes of a machine share. Should somebody set it
/// during a run, that looks like an event before its cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// Later than any other.
    pub const NEVER: Self = Self(u64::MAX);

    /// This one.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// So many microseconds after 1970.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// How long ago `earlier` was then; nothing if it was later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl From<Moment> for Timestamp {
    fn from(moment: Moment) -> Self {
        Self::from_micros(i64::try_from(moment.0).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
