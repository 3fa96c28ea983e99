//! Many connections at once, each of which cancels orders: a row is updated and events are stored.

use std::time::{Duration, Instant};

use ensue::{BoxError, raise};
use ensue_postgres::Events;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use crate::cycle::Cycle;
use crate::order_cancelled::OrderCancelled;
use crate::postgres::database::{Database, ORDERS};
use crate::postgres::log_row;

/// What a round does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) connections: u32,
    /// Of a transaction.
    pub(crate) events: u32,
    /// Of all connections together.
    pub(crate) transactions: u32,
}

/// One connection's work.
pub(crate) trait Writer: Send + Sized + 'static {
    /// A transaction that updates the order's row, and stores so many events.
    fn cancel(
        &mut self,
        order: u32,
        events: u32,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// All connections of an arm.
pub(crate) struct Writers<W> {
    load: Load,
    idle: Vec<Desk<W>>,
}

/// A writer, and the orders that nobody else touches.
struct Desk<W> {
    writer: W,
    first: u32,
    orders: Cycle,
}

impl<W: Writer> Writers<W> {
    pub(crate) fn new(load: Load, writers: Vec<W>) -> Self {
        let each = ORDERS / load.connections;
        let desk = |(writer, index)| Desk { writer, first: index * each, orders: Cycle::to(each) };
        Self { load, idle: writers.into_iter().zip(0..).map(desk).collect() }
    }

    /// From the first BEGIN to the last COMMIT.
    pub(crate) async fn work(&mut self) -> Result<Duration, BoxError> {
        let Load { connections, events, transactions } = self.load;
        let began = Instant::now();
        let mut working = JoinSet::new();
        for desk in self.idle.drain(..) {
            working.spawn(desk.cancel(transactions / connections, events));
        }
        while let Some(done) = working.join_next().await {
            self.idle.push(done??);
        }
        Ok(began.elapsed())
    }
}

impl<W: Writer> Desk<W> {
    async fn cancel(mut self, transactions: u32, events: u32) -> Result<Self, BoxError> {
        for _ in 0..transactions {
            self.writer.cancel(self.first + self.orders.next(), events).await?;
        }
        Ok(self)
    }
}

/// A connection that nobody shares, and a plain table: as little as there can be.
pub(crate) struct ByHand(PgConnection);

impl ByHand {
    pub(crate) async fn writers(
        database: &Database,
        load: Load,
    ) -> Result<Writers<Self>, BoxError> {
        let mut writers = Vec::new();
        for _ in 0..load.connections {
            writers.push(Self(database.connect().await?));
        }
        Ok(Writers::new(load, writers))
    }
}

impl Writer for ByHand {
    async fn cancel(&mut self, order: u32, events: u32) -> Result<(), BoxError> {
        let events: Vec<_> = (0..events).map(|_| OrderCancelled::of(order)).collect();
        let mut transaction = self.0.begin().await?;
        update(&mut transaction, order).await?;
        log_row::insert(&mut transaction, &events).await?;
        Ok(transaction.commit().await?)
    }
}

/// Units of work.
pub(crate) struct ByEnsue(Events);

impl ByEnsue {
    pub(crate) fn writers(events: &Events, load: Load) -> Writers<Self> {
        Writers::new(load, (0..load.connections).map(|_| Self(events.clone())).collect())
    }
}

impl Writer for ByEnsue {
    async fn cancel(&mut self, order: u32, events: u32) -> Result<(), BoxError> {
        let cancelling = self.0.run(async move |tx| {
            update(tx, order).await?;
            (0..events).for_each(|_| raise(OrderCancelled::of(order)));
            Ok::<_, BoxError>(())
        });
        cancelling.await
    }
}

async fn update(connection: &mut PgConnection, order: u32) -> sqlx::Result<()> {
    sqlx::query("UPDATE purchase SET state = $1 WHERE no = $2")
        .bind("cancelled")
        .bind(i64::from(order))
        .execute(connection)
        .await
        .map(drop)
}
