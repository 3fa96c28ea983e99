//! Counting what a round allocates.

use std::fmt;
use std::ops::{Div, Sub};

use bench::Arm;
use ensue::BoxError;

use crate::COUNTED;

/// LIMIT: rounds before the first that counts. They fill caches, pools and prepared statements.
const WARM_UP_ROUNDS: u32 = 20;
const ROUNDS: u32 = 101;

#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Count {
    /// A growing list counts each time that it grows.
    allocations: f64,
    bytes: f64,
}

impl Count {
    /// What a round of `arm` allocates, as the median of many: once in a while a channel between
    /// threads takes another block.
    pub(crate) async fn of(mut arm: impl Arm) -> Result<Self, BoxError> {
        let mut counts = Vec::new();
        for round in 0..WARM_UP_ROUNDS + ROUNDS {
            let before = Self::now();
            arm.round().await?;
            if round >= WARM_UP_ROUNDS {
                counts.push(Self::now() - before);
            }
        }
        counts.sort_by(|one, other| {
            let by_bytes = one.bytes.total_cmp(&other.bytes);
            one.allocations.total_cmp(&other.allocations).then(by_bytes)
        });
        counts.get(counts.len() / 2).copied().ok_or_else(|| "no round was counted".into())
    }

    #[expect(clippy::cast_precision_loss, reason = "far below what a float counts exactly")]
    fn now() -> Self {
        let stats = COUNTED.stats();
        Self {
            allocations: (stats.allocations + stats.reallocations) as f64,
            bytes: stats.bytes_allocated as f64,
        }
    }
}

impl Sub for Count {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { allocations: self.allocations - other.allocations, bytes: self.bytes - other.bytes }
    }
}

impl Div<u32> for Count {
    type Output = Self;

    fn div(self, by: u32) -> Self {
        Self { allocations: self.allocations / f64::from(by), bytes: self.bytes / f64::from(by) }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6.1} allocations, {:>8.1} bytes", self.allocations, self.bytes)
    }
}
