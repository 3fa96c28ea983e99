//! When a failed entry is tried again.

use std::time::Duration;

/// How often, and how soon, a failed entry is tried again before it is parked.
///
/// The delay before attempt *n* + 1 is drawn evenly from zero to min(`longest`, `first` · 2ⁿ⁻¹):
/// exponential backoff with full jitter
/// ([Brooker 2015](https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    attempts_max: u32,
    first: Duration,
    longest: Duration,
}

impl Default for RetryPolicy {
    /// 12 attempts, 1 s to 5 min.
    fn default() -> Self {
        Self {
            attempts_max: 12,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(5 * 60),
        }
    }
}

impl RetryPolicy {
    /// For who is waiting: 5 ms to 500 ms.
    pub(crate) const fn brief(attempts_max: u32) -> Self {
        Self::of(attempts_max, Duration::from_millis(5), Duration::from_millis(500))
    }

    pub(crate) const fn of(attempts_max: u32, first: Duration, longest: Duration) -> Self {
        Self { attempts_max, first, longest }
    }

    /// At the most `attempts_max` attempts, the first included; at least one.
    #[must_use]
    pub fn attempts(mut self, attempts_max: u32) -> Self {
        self.attempts_max = attempts_max.max(1);
        self
    }

    /// Delays of up to `first` after the first failure, doubling up to `longest`.
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.first = first;
        self.longest = longest.max(first);
        self
    }

    pub(crate) fn attempts_max(&self) -> u32 {
        self.attempts_max
    }

    /// No delay is longer than this.
    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }

    /// How long to wait after the `attempts`th attempt failed, for an evenly drawn `random`;
    /// nothing if that was the last one.
    pub(crate) fn delay(&self, attempts: u32, random: u64) -> Option<Duration> {
        if attempts >= self.attempts_max {
            return None;
        }
        let micros = u64::try_from(self.longest_delay(attempts).as_micros()).unwrap_or(u64::MAX);
        Some(Duration::from_micros(match micros.checked_add(1) {
            Some(span) => random % span,
            None => random,
        }))
    }

    /// Whether there is another attempt after so many.
    pub(crate) fn allows_more_than(&self, attempts: u32) -> bool {
        attempts < self.attempts_max
    }

    /// The longest that [`delay`](Self::delay) may be.
    pub(crate) fn longest_delay(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_attempt_is_followed_by_none() {
        let policy = RetryPolicy::default().attempts(3);
        assert!(policy.delay(2, 0).is_some());
        assert_eq!(policy.delay(3, 0), None);
        assert_eq!(RetryPolicy::default().attempts(0).delay(1, 0), None);
    }

    #[test]
    fn the_ceiling_doubles_until_the_longest() {
        let policy = RetryPolicy::default().attempts(u32::MAX);
        let ceiling = |attempts: u32| {
            let micros = 1_000_000_u64 << (attempts - 1).min(20);
            Duration::from_micros(micros).min(Duration::from_secs(300))
        };
        for attempts in 1..64_u32 {
            let span = u64::try_from(ceiling(attempts).as_micros()).unwrap();
            assert_eq!(policy.delay(attempts, span), Some(ceiling(attempts)));
            assert_eq!(policy.delay(attempts, span + 1), Some(Duration::ZERO));
        }
    }

    proptest! {
        #[test]
        fn no_delay_is_longer_than_the_longest(attempts: u32, random: u64, first: u32, longest: u32) {
            let (first, longest) = (Duration::from_millis(first.into()), Duration::from_millis(longest.into()));
            let policy = RetryPolicy::default().attempts(u32::MAX).backoff(first, longest);
            if let Some(delay) = policy.delay(attempts, random) {
                prop_assert!(delay <= longest.max(first));
            }
        }
    }
}
