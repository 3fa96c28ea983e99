//! How soon it ensues.

use std::time::{Duration, Instant};

use ensue::{BoxError, State, SubscriptionBuilder, raise};
use ensue_sqlite::{Events, SqliteStore, Tx};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::MissedTickBehavior;

use crate::arm::Arm;
use crate::cancellation::ByHandOnAConnection;
use crate::database::Database;
use crate::durability::Durability;
use crate::latencies::Latencies;
use crate::order_cancelled::OrderCancelled;
use crate::scenario::Scenario;
use crate::terminal;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "commit_to_handler",
    question: "how long after a commit does the durable handler start, at 500 commits a second, \
               beside a transaction by hand between two of them?",
    measure: || Box::pin(measure()),
};

const COMMITS: u32 = 2_000;
const WARM_UP: u32 = 100;
/// One of ours, and one by hand on another file.
const EVERY: Duration = Duration::from_millis(2);

async fn measure() -> Result<(), BoxError> {
    for durability in Durability::BOTH {
        let outside = Shop::open(durability, |s| s.on(start_outside)).await?;
        outside.measure(&format!("a handler that calls the outside, {durability}")).await?;
        let inside = Shop::open(durability, |s| s.on(start_inside)).await?;
        inside.measure(&format!("a handler with a transaction, {durability}")).await?;
    }
    Ok(())
}

type Starts = UnboundedSender<Instant>;

async fn start_outside(_: &OrderCancelled, State(starts): State<Starts>) -> Result<(), BoxError> {
    Ok(starts.send(Instant::now())?)
}

/// Its transaction has begun.
async fn start_inside(
    _: &OrderCancelled,
    State(starts): State<Starts>,
    _: &mut Tx,
) -> Result<(), BoxError> {
    Ok(starts.send(Instant::now())?)
}

struct Shop {
    events: Events,
    started: UnboundedReceiver<Instant>,
    by_hand: ByHandOnAConnection,
    _database: Database,
}

impl Shop {
    async fn open(
        durability: Durability,
        describe: impl FnOnce(SubscriptionBuilder<SqliteStore>) -> SubscriptionBuilder<SqliteStore>,
    ) -> Result<Self, BoxError> {
        let database = Database::new(durability).await?;
        let (starts, started) = mpsc::unbounded_channel::<Instant>();
        let builder = Events::builder(database.store().await?).state(starts);
        let events = builder.subscription("starts", describe).build().await?;
        let by_hand = ByHandOnAConnection::new(durability, 1).await?;
        Ok(Self { events, started, by_hand, _database: database })
    }

    async fn measure(mut self, name: &str) -> Result<(), BoxError> {
        let forwarder = self.events.forward();
        let (mut by_hand, mut latencies) = (Latencies::default(), Latencies::default());
        let mut ticks = tokio::time::interval(EVERY / 2);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for number in 0..WARM_UP + COMMITS {
            ticks.tick().await;
            let reference = self.by_hand.round().await?;
            ticks.tick().await;
            let latency = self.commit(number).await?;
            if number >= WARM_UP {
                by_hand.add(reference);
                latencies.add(latency);
            }
        }
        forwarder.shutdown(Duration::from_secs(30)).await;
        print(name, &by_hand, &latencies);
        Ok(())
    }

    /// From the commit, as its caller learns of it, to the start of the handler.
    async fn commit(&mut self, number: u32) -> Result<Duration, BoxError> {
        let cancelling = self.events.run(async move |_tx| {
            raise(OrderCancelled::of(number));
            Ok::<_, BoxError>(())
        });
        cancelling.await?;
        let committed = Instant::now();
        let started = self.started.recv().await.ok_or("the forwarder has ended")?;
        Ok(started.saturating_duration_since(committed))
    }
}

fn print(name: &str, by_hand: &Latencies, latencies: &Latencies) {
    let reference = by_hand.percentile(50);
    terminal::say(&format_args!(
        "  {name}: {COMMITS} commits, a transaction by hand takes {} us",
        reference.as_micros()
    ));
    for percent in [50, 95, 99] {
        let latency = latencies.percentile(percent);
        let ratio = latency.as_secs_f64() / reference.as_secs_f64();
        let by_hand = by_hand.percentile(percent).as_secs_f64() / reference.as_secs_f64();
        terminal::say(&format_args!(
            "    p{percent} {:>6} us, {ratio:>5.2} x the median by hand (by hand {by_hand:.2} x)",
            latency.as_micros()
        ));
    }
}
