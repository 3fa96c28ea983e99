//! What a writer is going to do.

use std::time::Duration;

use fastrand::Rng;

use crate::mark::Key;

/// One transaction, as it is meant to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The hot key whose row it locks; without one it has only its writer's own key.
    pub hot: Option<Key>,
    /// How many events it appends.
    pub events: u32,
    /// Whether it writes something else at first, and so has an older transaction id than another
    /// one that gets the row, and appends, before it.
    pub takes_id_early: bool,
    /// Whether it appends at once and commits in its own time. Never with a hot key: a row lock has to
    /// come before the append.
    pub appends_early: bool,
    /// How long it does nothing in the middle.
    pub hold: Duration,
    /// What becomes of it.
    pub end: End,
}

/// What becomes of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is committed.
    Commit,
    /// It is committed, but for as many events in a savepoint, which is rolled back.
    CommitInPart,
    /// It is rolled back.
    RollBack,
}

/// LIMIT: events of a usual transaction.
const EVENTS_MAX: u32 = 50;

/// LIMIT: how long a row of the domain is held.
const LOCK_HOLD_MAX_US: u64 = 3_000;

/// LIMIT: events of a transaction in which many are appended one by one, however large bulks are.
const IN_PART_MAX: u32 = 1_000;

impl Plan {
    /// The next one. One event in ten or so comes in a transaction of `bulk` events, and nobody who
    /// has appended waits longer than `longest_hold`.
    pub fn draw(rng: &mut Rng, bulk: u32, longest_hold: Duration) -> Self {
        let is_bulk = rng.u32(..(bulk / 3).max(1)) == 0;
        let events = if is_bulk { bulk.max(1) } else { rng.u32(1..=EVENTS_MAX) };
        let hot = (rng.u8(..10) < 6).then(|| Key::hot(rng.u16(..Key::HOT)));
        let appends_early = hot.is_none() && !is_bulk && rng.u8(..4) == 0;
        let hold = hold(rng, appends_early, longest_hold);
        let takes_id_early = !appends_early && rng.u8(..4) == 0;
        let end = end(rng, appends_early || events > IN_PART_MAX);
        Self { hot, events, takes_id_early, appends_early, hold, end }
    }
}

/// Most transactions are short, and a few of those that lock nothing very long.
fn hold(rng: &mut Rng, appends_early: bool, longest: Duration) -> Duration {
    let micros = match rng.u8(..8) {
        0 if appends_early => u64::try_from(longest.as_micros()).unwrap_or(u64::MAX),
        0..4 => LOCK_HOLD_MAX_US,
        _ => return Duration::ZERO,
    };
    Duration::from_micros(rng.u64(..=micros)).min(longest)
}

fn end(rng: &mut Rng, is_whole: bool) -> End {
    match rng.u8(..20) {
        0 | 1 => End::RollBack,
        2 if !is_whole => End::CommitInPart,
        _ => End::Commit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(seed: u64) -> Vec<Plan> {
        let mut rng = Rng::with_seed(seed);
        (0..10_000).map(|_| Plan::draw(&mut rng, 1_000, Duration::from_millis(200))).collect()
    }

    #[test]
    fn a_seed_is_the_same_plans_each_time() {
        assert_eq!(plans(7), plans(7));
        assert_ne!(plans(7), plans(8));
    }

    #[test]
    fn everything_that_a_transaction_may_do_is_planned_now_and_then() {
        let plans = plans(1);
        let often = |is_so: fn(&Plan) -> bool| plans.iter().filter(|plan| is_so(plan)).count();
        assert!(often(|plan| plan.events == 1_000) > 10);
        assert!(often(|plan| plan.appends_early) > 500);
        assert!(often(|plan| plan.hold > Duration::from_millis(10)) > 50);
        assert!(often(|plan| plan.takes_id_early && plan.hot.is_some()) > 1_000);
        for end in [End::Commit, End::CommitInPart, End::RollBack] {
            assert!(plans.iter().filter(|plan| plan.end == end).count() > 200, "{end:?}");
        }
    }

    #[test]
    fn nobody_appends_before_a_row_lock() {
        assert!(plans(2).iter().all(|plan| !(plan.appends_early && plan.hot.is_some())));
    }
}
