//! How long to wait after a failure.

use std::time::Duration;

/// Exponential backoff with full jitter
/// ([Brooker 2015](https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)).
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(Duration::from_millis(250), Duration::from_secs(30))
    }
}

impl Backoff {
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        let first = first.max(FIRST_MIN);
        Self { first, longest: longest.max(first) }
    }

    /// The delay after the `failures`th failure in a row, for an evenly drawn `random`.
    pub(super) fn delay(&self, failures: u32, random: u64) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        up_to(self.first.saturating_mul(1 << doublings).min(self.longest), random)
    }

    /// The delay after a failure with which the server asked for one: never less, unless it asked
    /// for more than [`ASKED_MAX`]; and a little more, since it asks everybody for the same.
    pub(super) fn delay_after(&self, asked: Duration, random: u64) -> Duration {
        asked.min(ASKED_MAX) + up_to(self.first, random)
    }
}

/// LIMIT: how long a server can keep a consumer away with one answer. A mistake there should not
/// need anybody to start the consumer again.
const ASKED_MAX: Duration = Duration::from_secs(600);

/// LIMIT: without any delay, a handler that fails at once would keep its thread for itself.
const FIRST_MIN: Duration = Duration::from_millis(1);

fn up_to(ceiling: Duration, random: u64) -> Duration {
    let micros = u64::try_from(ceiling.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(micros.checked_add(1).map_or(random, |span| random % span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_from_a_quarter_of_a_second_to_half_a_minute() {
        let ceilings = [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
        for (failures, ceiling) in (1..).zip(ceilings) {
            let ceiling = Duration::from_millis(ceiling);
            let random = u64::try_from(ceiling.as_micros()).unwrap();
            assert_eq!(Backoff::default().delay(failures, random), ceiling);
            assert_eq!(Backoff::default().delay(failures, random + 1), Duration::ZERO);
        }
        assert!(Backoff::default().delay(u32::MAX, u64::MAX) <= Duration::from_secs(30));
    }

    #[test]
    fn a_server_is_given_the_time_it_asks_for_and_a_little_more() {
        for random in [0, 1, 250_000, u64::MAX] {
            let delay = Backoff::default().delay_after(Duration::from_secs(7), random);
            assert!((7_000..=7_250).contains(&delay.as_millis()), "{delay:?}");
        }
    }

    #[test]
    fn a_server_cannot_keep_a_consumer_away_for_days() {
        assert_eq!(Backoff::default().delay_after(Duration::MAX, 0), ASKED_MAX);
    }

    #[test]
    fn a_backoff_of_nothing_still_lets_others_run() {
        let backoff = Backoff::new(Duration::ZERO, Duration::ZERO);
        assert_eq!(backoff.delay(5, 1_000), FIRST_MIN);
    }

    #[test]
    fn a_backoff_without_end_does_not_overflow() {
        let backoff = Backoff::new(Duration::MAX, Duration::ZERO);
        assert_eq!(backoff.delay(5, 3), Duration::from_micros(3));
    }
}
