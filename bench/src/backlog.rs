//! A log full of events, and subscriptions that have all of it before them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ensue::{BoxError, Events, Start, Store, SubscriptionBuilder, raise};

use crate::countdown::{Countdown, PATIENCE};
use crate::order_cancelled::OrderCancelled;

/// LIMIT: events of a unit of work that fills the log.
const AT_ONCE: usize = 10_000;

pub(crate) struct Backlog<S, D> {
    store: S,
    rounds: u32,
    database: D,
}

impl<S: Store, D> Backlog<S, D> {
    /// With an event for each of these orders, in `store`, which is in `database`.
    pub(crate) async fn new(
        database: D,
        store: S,
        orders: impl Iterator<Item = u32>,
    ) -> Result<Self, BoxError> {
        let events = Events::builder(store.clone()).build().await?;
        for orders in orders.collect::<Vec<_>>().chunks(AT_ONCE) {
            let raise_all = async |_tx: &mut _| {
                orders.iter().for_each(|number| raise(OrderCancelled::of(*number)));
                Ok::<_, BoxError>(())
            };
            events.run(raise_all).await?;
        }
        // Where positions come after the commit, all of them are there.
        store.barrier().await?;
        Ok(Self { store, rounds: 0, database })
    }

    pub(crate) fn store(&self) -> &S {
        &self.store
    }

    pub(crate) fn database(&self) -> &D {
        &self.database
    }

    /// Lets a new subscription, as `describe` says, run until the countdown has ended, at the call
    /// of the last handler: of all the commits only its own is not counted, and the forwarder's
    /// start is.
    pub(crate) async fn drain(
        &mut self,
        countdown: &Arc<Countdown>,
        describe: impl FnOnce(SubscriptionBuilder<S>) -> SubscriptionBuilder<S>,
    ) -> Result<Duration, BoxError> {
        self.rounds += 1;
        let name = format!("round-{}", self.rounds);
        let builder = Events::builder(self.store.clone()).state(Arc::clone(countdown));
        let subscribe = |subscription| describe(subscription).from(Start::Beginning);
        let events = builder.subscription(&name, subscribe).build().await?;
        let began = Instant::now();
        let forwarder = events.forward();
        countdown.end().await?;
        let elapsed = began.elapsed();
        if forwarder.shutdown(PATIENCE).await { Ok(elapsed) } else { Err("it did not end".into()) }
    }
}
