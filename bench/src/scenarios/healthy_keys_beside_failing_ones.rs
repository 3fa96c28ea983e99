//! What poisoned keys cost the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ensue::{BoxError, RetryPolicy, State};
use ensue_sqlite::Tx;

use crate::arm::Arm;
use crate::comparison::{Comparison, Contestant};
use crate::countdown::Countdown;
use crate::order_cancelled::OrderCancelled;
use crate::scenario::Scenario;
use crate::sqlite::database::{Database, SqliteBacklog};
use crate::sqlite::durability::Durability;
use crate::terminal;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "healthy_keys_beside_failing_ones",
    question: "what do the entries of healthy keys take while one key of a hundred fails and is \
               tried again and again, beside the same entries alone?",
    measure: || Box::pin(measure()),
};

/// Of all keys, by their order's number, each hundredth fails.
const FAILS_EVERY: u32 = 100;

/// The healthy ones shall keep nine tenths of their rate.
const TARGET: f64 = 1.0 / 0.9;

async fn measure() -> Result<(), BoxError> {
    for load in [Load::BY_DEFAULT, Load::WITHOUT_REST] {
        load.measure().await?;
    }
    Ok(())
}

struct Load {
    name: &'static str,
    entries: u32,
    keys: u32,
    rounds: u32,
    policy: fn() -> RetryPolicy,
}

impl Load {
    /// Rounds of seconds, or nothing would be tried a second time: after a second at the most, and
    /// then two.
    const BY_DEFAULT: Self = Self {
        name: "retried as by default",
        entries: 20_000,
        keys: 2_000,
        rounds: 9,
        policy: RetryPolicy::default,
    };

    /// Fifty times as often.
    const WITHOUT_REST: Self = Self {
        name: "retried after 10 ms, again and again",
        entries: 2_000,
        keys: 200,
        rounds: 41,
        policy: || {
            let longest = Duration::from_millis(20);
            RetryPolicy::default().attempts(u32::MAX).backoff(longest, longest)
        },
    };

    async fn measure(&self) -> Result<(), BoxError> {
        let Self { name, entries, keys, rounds, .. } = *self;
        let all = (0..entries).map(|number| number % keys);
        let healthy: Vec<_> = all.clone().filter(|order| !fails(*order)).collect();
        let comparison = Comparison {
            name: format!("{entries} entries of {keys} keys, one lane, {}", Durability::Off),
            operation: "healthy entry",
            per_round: u32::try_from(healthy.len())?,
            rounds,
        };
        let failures = Arc::<Failures>::default();
        let alone = self.drain(healthy.iter().copied(), &comparison, &failures).await?;
        let beside = self.drain(all, &comparison, &failures).await?;
        let contestant = Contestant::new(name, beside).with_target(TARGET);
        comparison.run(alone, vec![contestant]).await?;
        let failed = failures.0.load(Ordering::Relaxed) / comparison.all_rounds();
        terminal::say(&format_args!("    in each round {failed} attempts fail"));
        Ok(())
    }

    async fn drain(
        &self,
        orders: impl Iterator<Item = u32>,
        comparison: &Comparison,
        failures: &Arc<Failures>,
    ) -> Result<Draining, BoxError> {
        Ok(Draining {
            backlog: Database::new(Durability::Off).await?.backlog(orders).await?,
            healthy: comparison.per_round,
            policy: (self.policy)(),
            failures: Arc::clone(failures),
        })
    }
}

struct Draining {
    backlog: SqliteBacklog,
    healthy: u32,
    policy: RetryPolicy,
    failures: Arc<Failures>,
}

impl Arm for Draining {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let (countdown, policy) = (Countdown::from(self.healthy), self.policy);
        let failures = Arc::clone(&self.failures);
        let handle = async move |event: &OrderCancelled,
                                 State(countdown): State<Arc<Countdown>>,
                                 _: &mut Tx| {
            let number = event.order_no.trim_start_matches("A-").parse()?;
            if fails(number) {
                failures.0.fetch_add(1, Ordering::Relaxed);
                return Err::<(), BoxError>("poisoned".into());
            }
            countdown.step();
            Ok(())
        };
        self.backlog.drain(&countdown, |subscription| subscription.on(handle).retry(policy)).await
    }
}

/// How many attempts have failed.
#[derive(Default)]
struct Failures(AtomicU32);

fn fails(order: u32) -> bool {
    order.is_multiple_of(FAILS_EVERY)
}
