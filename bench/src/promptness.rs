//! How long after a commit the durable handler starts.

use std::time::{Duration, Instant};

use ensue::{BoxError, Events, State, Store, SubscriptionBuilder, Tx, raise};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::time::MissedTickBehavior;

use crate::arm::Arm;
use crate::latencies::Latencies;
use crate::order_cancelled::OrderCancelled;
use crate::terminal;

const COMMITS: u32 = 2_000;
const WARM_UP: u32 = 100;
/// One of ours, and one by hand in another database.
const EVERY: Duration = Duration::from_millis(2);

/// A subscription, and a transaction by hand beside it.
pub(crate) struct Promptness<S: Store, R> {
    events: Events<S>,
    started: UnboundedReceiver<Instant>,
    by_hand: R,
}

type Starts = UnboundedSender<Instant>;

/// A handler that calls the outside.
pub(crate) async fn start_outside(
    _: &OrderCancelled,
    State(starts): State<Starts>,
) -> Result<(), BoxError> {
    Ok(starts.send(Instant::now())?)
}

/// One whose transaction has begun.
pub(crate) async fn start_inside<S: Store>(
    _: &OrderCancelled,
    State(starts): State<Starts>,
    _: &mut Tx<S>,
) -> Result<(), BoxError> {
    Ok(starts.send(Instant::now())?)
}

impl<S: Store, R: Arm> Promptness<S, R> {
    /// Of the handler that `describe` subscribes; a round of `by_hand` is one transaction.
    pub(crate) async fn of(
        store: S,
        by_hand: R,
        describe: impl FnOnce(SubscriptionBuilder<S>) -> SubscriptionBuilder<S>,
    ) -> Result<Self, BoxError> {
        let (starts, started) = mpsc::unbounded_channel::<Instant>();
        let builder = Events::builder(store).state(starts);
        let events = builder.subscription("starts", describe).build().await?;
        Ok(Self { events, started, by_hand })
    }

    /// Takes them in turn, and prints how they compare.
    pub(crate) async fn measure(mut self, name: &str) -> Result<(), BoxError> {
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
