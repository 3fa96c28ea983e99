//! A log full of events, and subscriptions that have all of it before them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ensue::{BoxError, Start, SubscriptionBuilder, raise};
use ensue_sqlite::{Events, SqliteStore};
use tokio::sync::Notify;

use crate::database::Database;
use crate::durability::Durability;
use crate::order_cancelled::OrderCancelled;

/// LIMIT: how long a round may take; only one that hangs gets there.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Backlog {
    store: SqliteStore,
    rounds: u32,
    database: Database,
}

/// LIMIT: events of a unit of work that fills the log.
const AT_ONCE: usize = 10_000;

impl Backlog {
    /// With an event for each of these orders.
    pub(crate) async fn new(
        durability: Durability,
        orders: impl Iterator<Item = u32>,
    ) -> Result<Self, BoxError> {
        let database = Database::new(durability).await?;
        let store = database.store().await?;
        let events = Events::builder(store.clone()).build().await?;
        for orders in orders.collect::<Vec<_>>().chunks(AT_ONCE) {
            let raise_all = async |_tx: &mut _| {
                orders.iter().for_each(|number| raise(OrderCancelled::of(*number)));
                Ok::<_, BoxError>(())
            };
            events.run(raise_all).await?;
        }
        Ok(Self { store, rounds: 0, database })
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Lets a new subscription, as `describe` says, run until the countdown has ended, at the call
    /// of the last handler: of all the commits only its own is not counted, and the forwarder's
    /// start is.
    pub(crate) async fn drain(
        &mut self,
        countdown: &Arc<Countdown>,
        describe: impl FnOnce(SubscriptionBuilder<SqliteStore>) -> SubscriptionBuilder<SqliteStore>,
    ) -> Result<Duration, BoxError> {
        self.rounds += 1;
        let name = format!("round-{}", self.rounds);
        let builder = Events::builder(self.store.clone()).state(Arc::clone(countdown));
        let subscribe = |subscription| describe(subscription).from(Start::Beginning);
        let events = builder.subscription(&name, subscribe).build().await?;
        let began = Instant::now();
        let forwarder = events.forward();
        tokio::time::timeout(PATIENCE, countdown.ended.notified()).await?;
        let elapsed = began.elapsed();
        if forwarder.shutdown(PATIENCE).await { Ok(elapsed) } else { Err("it did not end".into()) }
    }
}

/// Tells when the last entry is there, without asking again and again.
pub(crate) struct Countdown {
    left: AtomicU32,
    ended: Notify,
}

impl Countdown {
    pub(crate) fn from(entries: u32) -> Arc<Self> {
        Arc::new(Self { left: AtomicU32::new(entries), ended: Notify::new() })
    }

    pub(crate) fn step(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.ended.notify_one();
        }
    }
}
