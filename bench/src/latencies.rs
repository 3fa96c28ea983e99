//! How long something took, each time.

use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Latencies {
    all: Vec<Duration>,
}

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        self.all.push(latency);
    }

    /// Of a hundred, so many took no longer.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.all.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        sorted.get(last * percent / 100).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_what_was_measured() {
        let mut latencies = Latencies::default();
        for micros in (1..=101).rev() {
            latencies.add(Duration::from_micros(micros));
        }
        let at = |percent| latencies.percentile(percent).as_micros();
        assert_eq!((at(0), at(50), at(99), at(100)), (1, 51, 100, 101));
    }

    #[test]
    fn of_nothing_it_is_nothing() {
        assert_eq!(Latencies::default().percentile(99), Duration::ZERO);
    }
}
