//! How two arms compared, round by round.

use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Ratios {
    ratios: Vec<f64>,
    references: Vec<Duration>,
}

impl Ratios {
    pub(crate) fn add(&mut self, ours: Duration, reference: Duration) {
        self.ratios.push(ours.as_secs_f64() / reference.as_secs_f64());
        self.references.push(reference);
    }

    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.ratios.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn least(&self) -> f64 {
        self.ratios.iter().copied().fold(f64::NAN, f64::min)
    }

    pub(crate) fn most(&self) -> f64 {
        self.ratios.iter().copied().fold(f64::NAN, f64::max)
    }

    /// The median time of the reference's rounds.
    pub(crate) fn reference(&self) -> Duration {
        let mut sorted = self.references.clone();
        sorted.sort();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_slow_round_does_not_move_the_median() {
        let mut ratios = Ratios::default();
        for ours in [2, 4, 90] {
            ratios.add(Duration::from_secs(ours), Duration::from_secs(2));
        }
        assert_eq!((ratios.least(), ratios.median(), ratios.most()), (1.0, 2.0, 45.0));
        assert_eq!(ratios.reference(), Duration::from_secs(2));
    }
}
