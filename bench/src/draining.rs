//! A subscription that has a backlog before it, and handles it in transactions.

use std::sync::Arc;
use std::time::Duration;

use ensue::{Batch, BoxError, State, Store, SubscriptionBuilder, Tx};

use crate::arm::Arm;
use crate::backlog::Backlog;
use crate::countdown::Countdown;
use crate::order_cancelled::OrderCancelled;

/// How the entries are handled, to a handler that does nothing to the database.
#[derive(Debug, Clone, Copy)]
pub enum Handling {
    /// A commit for each entry.
    OneByOne {
        /// So many of them at once.
        lanes: usize,
    },
    /// A commit for so many entries.
    InBatches {
        /// As many at the most.
        of: usize,
    },
}

/// A new subscription in each round.
pub(crate) struct Draining<S, D> {
    backlog: Backlog<S, D>,
    entries: u32,
    handling: Handling,
}

impl<S, D> Draining<S, D> {
    /// Of a backlog that has so many entries.
    pub(crate) fn new(backlog: Backlog<S, D>, entries: u32, handling: Handling) -> Self {
        Self { backlog, entries, handling }
    }
}

impl<S: Store, D: Send> Arm for Draining<S, D> {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let (countdown, handling) = (Countdown::from(self.entries), self.handling);
        let describe = |subscription: SubscriptionBuilder<S>| match handling {
            Handling::OneByOne { lanes } => subscription.on(count_one::<S>).lanes(lanes),
            Handling::InBatches { of } => subscription.on_batch(of, count_batch::<S>),
        };
        self.backlog.drain(&countdown, describe).await
    }
}

pub(crate) async fn count_one<S: Store>(
    _: &OrderCancelled,
    State(countdown): State<Arc<Countdown>>,
    _: &mut Tx<S>,
) {
    countdown.step();
}

pub(crate) async fn count_batch<S: Store>(
    batch: &Batch<OrderCancelled>,
    State(countdown): State<Arc<Countdown>>,
    _: &mut Tx<S>,
) {
    batch.iter().for_each(|_| countdown.step());
}

/// An arm that does a part of the work, and whose time is taken for so many times as much.
pub struct APartOf<A> {
    /// It does the part.
    pub arm: A,
    /// How many such parts the whole would be.
    pub parts: u32,
}

impl<A: Arm> Arm for APartOf<A> {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        Ok(self.arm.round().await? * self.parts)
    }
}
