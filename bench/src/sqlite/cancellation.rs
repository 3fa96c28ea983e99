//! An order is cancelled: a row is updated, an event raised and stored, and a handler inserts a row.

use std::time::{Duration, Instant};

use ensue::{BoxError, raise};
use ensue_sqlite::{Events, Tx};
use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::arm::Arm;
use crate::cycle::Cycle;
use crate::order_cancelled::OrderCancelled;
use crate::sqlite::database::Database;
use crate::sqlite::durability::Durability;
use crate::sqlite::log_row;

const ORDERS: u32 = 1_000;

/// A unit of work for each order.
pub struct ByEnsue {
    events: Events,
    commits: u32,
    orders: Cycle,
    _database: Database,
}

impl ByEnsue {
    /// So many orders a round.
    ///
    /// # Errors
    /// The database's.
    pub async fn new(durability: Durability, commits: u32) -> Result<Self, BoxError> {
        let database = Database::new(durability).await?;
        let events = Events::builder(database.store().await?).on(refund).build().await?;
        Ok(Self { events, commits, orders: Cycle::to(ORDERS), _database: database })
    }
}

impl Arm for ByEnsue {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let began = Instant::now();
        for _ in 0..self.commits {
            let order = self.orders.next();
            self.events
                .run(async move |tx| {
                    cancel(tx, order).await?;
                    raise(OrderCancelled::of(order));
                    Ok::<_, BoxError>(())
                })
                .await?;
        }
        Ok(began.elapsed())
    }
}

async fn refund(event: &OrderCancelled, tx: &mut Tx) -> sqlx::Result<()> {
    insert_refund(tx, event).await
}

/// The same statements on the driver's pool, as services have it.
pub struct ByHandOnAPool {
    writer: SqlitePool,
    commits: u32,
    orders: Cycle,
    _database: Database,
}

impl ByHandOnAPool {
    /// So many orders a round.
    ///
    /// # Errors
    /// The database's.
    pub async fn new(durability: Durability, commits: u32) -> Result<Self, BoxError> {
        let database = Database::new(durability).await?;
        let writer = database.writer_by_hand().await?;
        Ok(Self { writer, commits, orders: Cycle::to(ORDERS), _database: database })
    }
}

impl Arm for ByHandOnAPool {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let began = Instant::now();
        for _ in 0..self.commits {
            let transaction = self.writer.begin_with(BEGIN).await?;
            cancel_by_hand(transaction, self.orders.next()).await?;
        }
        Ok(began.elapsed())
    }
}

/// The same statements on a connection that nobody shares, which is as little as there can be.
pub struct ByHandOnAConnection {
    writer: SqliteConnection,
    commits: u32,
    orders: Cycle,
    _database: Database,
}

impl ByHandOnAConnection {
    /// So many orders a round.
    ///
    /// # Errors
    /// The database's.
    pub async fn new(durability: Durability, commits: u32) -> Result<Self, BoxError> {
        let database = Database::new(durability).await?;
        let writer = database.connection_by_hand().await?;
        Ok(Self { writer, commits, orders: Cycle::to(ORDERS), _database: database })
    }
}

impl Arm for ByHandOnAConnection {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let began = Instant::now();
        for _ in 0..self.commits {
            let transaction = self.writer.begin_with(BEGIN).await?;
            cancel_by_hand(transaction, self.orders.next()).await?;
        }
        Ok(began.elapsed())
    }
}

async fn cancel_by_hand(
    mut transaction: Transaction<'_, Sqlite>,
    order: u32,
) -> Result<(), BoxError> {
    cancel(&mut transaction, order).await?;
    let event = OrderCancelled::of(order);
    insert_refund(&mut transaction, &event).await?;
    log_row::insert(&mut transaction, &event, &mut None).await?;
    Ok(transaction.commit().await?)
}

async fn cancel(connection: &mut SqliteConnection, order: u32) -> sqlx::Result<()> {
    sqlx::query("UPDATE purchase SET state = ? WHERE no = ?")
        .bind("cancelled")
        .bind(order)
        .execute(connection)
        .await
        .map(drop)
}

async fn insert_refund(
    connection: &mut SqliteConnection,
    event: &OrderCancelled,
) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO refund (order_no, amount) VALUES (?, ?)")
        .bind(&event.order_no)
        .bind(event.amount)
        .execute(connection)
        .await
        .map(drop)
}

const BEGIN: &str = "BEGIN IMMEDIATE";
