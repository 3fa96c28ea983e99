//! How an arm compared with the reference, round by round.

use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Ratios {
    ratios: Vec<f64>,
}

impl Ratios {
    pub(crate) fn add(&mut self, ours: Duration, reference: Duration) {
        self.ratios.push(ours.as_secs_f64() / reference.as_secs_f64());
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(2)
    }

    /// Half of the rounds were between these two.
    pub(crate) fn middle_half(&self) -> (f64, f64) {
        (self.at(1), self.at(3))
    }

    fn at(&self, quarters: usize) -> f64 {
        let mut sorted = self.ratios.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        sorted.get(last * quarters / 4).copied().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_slow_round_does_not_move_the_median() {
        let mut ratios = Ratios::default();
        for ours in [2, 90, 4, 3, 5] {
            ratios.add(Duration::from_secs(ours), Duration::from_secs(2));
        }
        assert_eq!(ratios.median(), 2.0);
        assert_eq!(ratios.middle_half(), (1.5, 2.5));
    }

    #[test]
    fn a_single_round_is_its_own_spread() {
        let mut ratios = Ratios::default();
        ratios.add(Duration::from_secs(3), Duration::from_secs(2));
        assert_eq!((ratios.median(), ratios.middle_half()), (1.5, (1.5, 1.5)));
    }
}
