//! What it takes to bring the log to a broker.

use std::time::{Duration, Instant};

use ensue::{BoxError, Events, Handled, Start};

use crate::arm::Arm;
use crate::comparison::{Comparison, Contestant};
use crate::countdown::PATIENCE;
use crate::postgres::commits::Commits;
use crate::postgres::database::{Database, PostgresBacklog};
use crate::rabbitmq::bare::Publisher;
use crate::rabbitmq::broker::Broker;
use crate::rabbitmq::order;
use crate::scenario::Scenario;
use crate::{cpu, terminal};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "forward_to_rabbitmq",
    question: "what does a log on PostgreSQL take to get to a quorum queue, mandatory, confirmed, \
               and its cursor committed, beside messages as large that the bare client sends with \
               1,000 unconfirmed? Arrivals are counted, and their order by key is checked",
    measure: || Box::pin(measure()),
};

const ENTRIES: u32 = 40_000;
const ROUNDS: u32 = 5;

/// Three quarters of the rate.
const TARGET: f64 = 1.0 / 0.75;

async fn measure() -> Result<(), BoxError> {
    for keys in [ENTRIES, 4_000, 10] {
        // A few keys are sent one confirmation at a time.
        let entries = if keys == 10 { ENTRIES / 20 } else { ENTRIES };
        let comparison = Comparison {
            name: format!("{entries} entries of {keys} keys"),
            operation: "entry",
            per_round: entries,
            rounds: ROUNDS,
        };
        let ours = Contestant::new("ensue", Forwarding::new(entries, keys).await?);
        let ours = if keys == 10 { ours } else { ours.with_target(TARGET) };
        let broker = Broker::new().await?;
        let bare = Publisher::new(&broker, entries, keys).await?;
        comparison.run(bare, vec![ours]).await?;
        broker.close().await?;
    }
    Ok(())
}

struct Forwarding {
    backlog: PostgresBacklog,
    broker: Broker,
    entries: u32,
    rounds: u32,
}

impl Forwarding {
    async fn new(entries: u32, keys: u32) -> Result<Self, BoxError> {
        let database = Database::new(Commits::AsTheDiskIs).await?;
        let backlog = database.backlog((0..entries).map(|number| number % keys)).await?;
        Ok(Self { backlog, broker: Broker::new().await?, entries, rounds: 0 })
    }
}

impl Arm for Forwarding {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        self.rounds += 1;
        let name = format!("round-{}", self.rounds);
        let sink = self.broker.sink()?;
        let forward = |subscription: ensue::SubscriptionBuilder<_>| {
            subscription.forward_to(sink).from(Start::Beginning)
        };
        let builder = Events::builder(self.backlog.store().clone());
        let events = builder.subscription(&name, forward).build().await?;
        let ticket = events.ticket().await?;
        let (began, before) = (Instant::now(), cpu::time()?);
        let forwarder = events.forward();
        let handled = ticket.handled_by(&name, PATIENCE).await?;
        let (elapsed, took) = (began.elapsed(), cpu::time()? - before);
        if handled != Handled::Handled || !forwarder.shutdown(PATIENCE).await {
            return Err(format!("it ended as {handled:?}").into());
        }
        let per_entry = took / self.entries;
        terminal::say(&format_args!("    {per_entry:.1?} of our processor's time for an entry"));
        order::check(self.broker.queue(), self.entries).await?;
        match self.broker.purge().await? {
            0 => Ok(elapsed),
            more => Err(format!("{more} messages too many").into()),
        }
    }
}
