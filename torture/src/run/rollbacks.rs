//! Appends in a row of which nothing is left.

use std::time::Duration;

use ensue::BoxError;

use crate::attempt::{Attempt, Audience};
use crate::defendant::Defendant;
use crate::evidence::Witness;
use crate::plan::{End, Plan};

/// LIMIT: how many; those who look for gaps by their size gave up far below.
const ROLLBACKS_MAX: u64 = 12_000;

/// Of all events the part that it may be.
const PART: u64 = 20;

/// One that appends, and rolls back.
const PLAN: Plan = Plan {
    hot: None,
    events: 1,
    takes_id_early: false,
    appends_early: true,
    hold: Duration::ZERO,
    end: End::RollBack,
};

/// How many, in a run of so many events.
pub(super) fn times(events: u64) -> u32 {
    u32::try_from((events / PART).min(ROLLBACKS_MAX)).unwrap_or_default()
}

/// Appends and rolls back, so many `times`: a hole, for whoever gives numbers at the append.
pub(super) async fn roll_back<D: Defendant>(
    defendant: &D,
    times: u32,
    witness: &Witness,
) -> Result<(), BoxError> {
    for number in 0..times {
        let audience = Audience::Witness(witness.clone());
        defendant.carry_out(&Attempt::new(PLAN, u16::MAX, number, audience)).await?;
    }
    Ok(())
}
