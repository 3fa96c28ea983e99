//! What a whole unit of work costs on the embedded store.

use std::time::{Duration, Instant};

use ensue::{BoxError, raise};
use ensue_sqlite::{Events, Tx};
use sqlx::{SqliteConnection, SqlitePool};

use crate::arm::Arm;
use crate::comparison::Comparison;
use crate::cycle::Cycle;
use crate::database::Database;
use crate::durability::Durability;
use crate::log_row;
use crate::order_cancelled::OrderCancelled;
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "unit_of_work_with_one_event_on_sqlite",
    question: "what does a unit of work that updates a row, raises an event and has a handler \
               insert a row take, beside the same statements by hand?",
    measure: || Box::pin(measure()),
};

const COMMITS: u32 = 25;
const ROUNDS: u32 = 501;
const TARGET: f64 = 1.03;

async fn measure() -> Result<(), BoxError> {
    for durability in Durability::BOTH {
        let commits = durability.commits(COMMITS);
        let comparison = Comparison {
            name: durability.to_string(),
            operation: "unit of work",
            per_round: commits,
            rounds: ROUNDS,
            target: Some(TARGET),
        };
        let mut ours = UnitsOfWork::new(durability, commits).await?;
        let mut by_hand = ByHand::new(durability, commits).await?;
        comparison.run(&mut ours, &mut by_hand).await?;
    }
    Ok(())
}

struct UnitsOfWork {
    events: Events,
    commits: u32,
    orders: Cycle,
    _database: Database,
}

impl UnitsOfWork {
    async fn new(durability: Durability, commits: u32) -> Result<Self, BoxError> {
        let database = Database::new(durability).await?;
        let events = Events::builder(database.store().await?).on(refund).build().await?;
        Ok(Self { events, commits, orders: Cycle::to(1_000), _database: database })
    }
}

impl Arm for UnitsOfWork {
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

struct ByHand {
    writer: SqlitePool,
    commits: u32,
    orders: Cycle,
    _database: Database,
}

impl ByHand {
    async fn new(durability: Durability, commits: u32) -> Result<Self, BoxError> {
        let database = Database::new(durability).await?;
        let writer = database.writer_by_hand().await?;
        Ok(Self { writer, commits, orders: Cycle::to(1_000), _database: database })
    }
}

impl Arm for ByHand {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let began = Instant::now();
        for _ in 0..self.commits {
            let order = self.orders.next();
            let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
            cancel(&mut transaction, order).await?;
            let event = OrderCancelled::of(order);
            insert_refund(&mut transaction, &event).await?;
            log_row::insert(&mut transaction, &event, &mut None).await?;
            transaction.commit().await?;
        }
        Ok(began.elapsed())
    }
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
