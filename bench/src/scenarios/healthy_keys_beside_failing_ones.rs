//! What poisoned keys cost the others.

use std::sync::Arc;
use std::time::Duration;

use ensue::{BoxError, RetryPolicy, State};
use ensue_sqlite::Tx;

use crate::arm::Arm;
use crate::backlog::{Backlog, Countdown};
use crate::comparison::{Comparison, Contestant};
use crate::durability::Durability;
use crate::order_cancelled::OrderCancelled;
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "healthy_keys_beside_failing_ones",
    question: "what do the entries of healthy keys take while one key of a hundred fails and is \
               tried again and again, beside the same entries alone?",
    measure: || Box::pin(measure()),
};

const ENTRIES: u32 = 2_000;
/// Of them, by their order's number,
const KEYS: u32 = 200;
/// each hundredth fails.
const FAILS_EVERY: u32 = 100;
const ROUNDS: u32 = 41;

/// The healthy ones shall keep nine tenths of their rate.
const TARGET: f64 = 1.0 / 0.9;

async fn measure() -> Result<(), BoxError> {
    let healthy = (0..ENTRIES).filter(|number| !fails(*number % KEYS));
    let comparison = Comparison {
        name: format!("{ENTRIES} entries of {KEYS} keys, one lane, {}", Durability::Off),
        operation: "healthy entry",
        per_round: u32::try_from(healthy.clone().count())?,
        rounds: ROUNDS,
    };
    let per_round = comparison.per_round;
    let alone = Draining::new(healthy.map(|number| number % KEYS), per_round).await?;
    let beside = Draining::new((0..ENTRIES).map(|number| number % KEYS), per_round).await?;
    let contestant = Contestant::new("beside failing keys", beside).with_target(TARGET);
    comparison.run(alone, vec![contestant]).await
}

struct Draining {
    backlog: Backlog,
    healthy: u32,
}

impl Draining {
    async fn new(
        orders: impl Iterator<Item = u32> + Clone + Send,
        healthy: u32,
    ) -> Result<Self, BoxError> {
        Ok(Self { backlog: Backlog::new(Durability::Off, orders).await?, healthy })
    }
}

impl Arm for Draining {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let countdown = Countdown::from(self.healthy);
        let soon = Duration::from_millis(20);
        let policy = RetryPolicy::default().attempts(u32::MAX).backoff(soon, soon);
        self.backlog.drain(&countdown, |subscription| subscription.on(handle).retry(policy)).await
    }
}

async fn handle(
    event: &OrderCancelled,
    State(countdown): State<Arc<Countdown>>,
    _: &mut Tx,
) -> Result<(), BoxError> {
    let number = event.order_no.trim_start_matches("A-").parse()?;
    if fails(number) {
        return Err("poisoned".into());
    }
    countdown.step();
    Ok(())
}

fn fails(order: u32) -> bool {
    order.is_multiple_of(FAILS_EVERY)
}
