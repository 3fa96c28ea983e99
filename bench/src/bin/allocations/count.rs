//! Counting what a round allocates.

use std::fmt;

use bench::Arm;
use ensue::BoxError;

use crate::COUNTED;

/// LIMIT: rounds before the first that counts. They fill caches, pools and prepared statements.
const WARM_UP_ROUNDS: u32 = 20;
const ROUNDS: u32 = 1_001;

/// What the rounds of an arm allocate.
pub(crate) struct Counts {
    /// A list that grows counts each time.
    pub(crate) allocations: Spread,
    pub(crate) bytes: Spread,
}

impl Counts {
    pub(crate) async fn of(mut arm: impl Arm) -> Result<Self, BoxError> {
        let (mut allocations, mut bytes) = (Vec::new(), Vec::new());
        for round in 0..WARM_UP_ROUNDS + ROUNDS {
            let before = COUNTED.stats();
            arm.round().await?;
            let taken = COUNTED.stats() - before;
            if round >= WARM_UP_ROUNDS {
                allocations.push(taken.allocations + taken.reallocations);
                bytes.push(taken.bytes_allocated);
            }
        }
        Ok(Self { allocations: Spread::of(allocations), bytes: Spread::of(bytes) })
    }
}

/// What most rounds have in common. Where another thread takes part, its turn decides who of the two
/// has to wait, and waiting allocates.
pub(crate) struct Spread {
    pub(crate) median: usize,
    /// Nine of ten rounds are between these two.
    low: usize,
    high: usize,
}

impl Spread {
    fn of(mut rounds: Vec<usize>) -> Self {
        rounds.sort_unstable();
        let last = rounds.len() - 1;
        let at = |percent: usize| rounds[last * percent / 100];
        Self { median: at(50), low: at(5), high: at(95) }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { median, low, high } = self;
        if low == high { write!(f, "{median}") } else { write!(f, "{median} ({low} to {high})") }
    }
}
