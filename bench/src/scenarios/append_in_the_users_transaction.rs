//! What appending costs, by number of events.

use std::time::{Duration, Instant};

use ensue::{BoxError, raise};
use ensue_sqlite::Events;
use sqlx::SqlitePool;

use crate::arm::Arm;
use crate::comparison::{Comparison, Contestant};
use crate::order_cancelled::OrderCancelled;
use crate::scenario::Scenario;
use crate::sqlite::database::Database;
use crate::sqlite::durability::Durability;
use crate::sqlite::log_row;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "append_in_the_users_transaction",
    question: "what does a transaction that stores n events and nothing else take, beside n \
               prepared single-row inserts by hand?",
    measure: || Box::pin(measure()),
};

/// How many events, and in how many transactions of a round.
const SIZES: [(u32, u32); 3] = [(1, 25), (10, 20), (100, 10)];
const ROUNDS: u32 = 251;

/// At least 0.9 of the hand's throughput.
const TARGET: f64 = 1.0 / 0.9;

async fn measure() -> Result<(), BoxError> {
    for durability in Durability::BOTH {
        for (size, commits) in SIZES {
            compare(durability, Load { size, commits: durability.commits(commits) }).await?;
        }
    }
    Ok(())
}

async fn compare(durability: Durability, load: Load) -> Result<(), BoxError> {
    let comparison = Comparison {
        name: format!("{} at a time, {durability}", load.size),
        operation: "transaction",
        per_round: load.commits,
        rounds: ROUNDS,
    };
    let ours = UnitsOfWork::new(durability, load).await?;
    let contestants = vec![Contestant::new("ensue", ours).with_target(TARGET)];
    comparison.run(ByHand::new(durability, load).await?, contestants).await
}

/// What a round does.
#[derive(Debug, Clone, Copy)]
struct Load {
    size: u32,
    commits: u32,
}

struct UnitsOfWork {
    events: Events,
    load: Load,
    _database: Database,
}

impl UnitsOfWork {
    async fn new(durability: Durability, load: Load) -> Result<Self, BoxError> {
        let database = Database::new(durability).await?;
        let events = Events::builder(database.store().await?).build().await?;
        Ok(Self { events, load, _database: database })
    }
}

impl Arm for UnitsOfWork {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let Load { size, commits } = self.load;
        let began = Instant::now();
        for _ in 0..commits {
            self.events
                .run(async move |_tx| {
                    (0..size).for_each(|number| raise(OrderCancelled::of(number)));
                    Ok::<_, BoxError>(())
                })
                .await?;
        }
        Ok(began.elapsed())
    }
}

struct ByHand {
    writer: SqlitePool,
    load: Load,
    _database: Database,
}

impl ByHand {
    async fn new(durability: Durability, load: Load) -> Result<Self, BoxError> {
        let database = Database::new(durability).await?;
        Ok(Self { writer: database.writer_by_hand().await?, load, _database: database })
    }
}

impl Arm for ByHand {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let Load { size, commits } = self.load;
        let began = Instant::now();
        for _ in 0..commits {
            let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
            let mut story = None;
            for number in 0..size {
                let event = OrderCancelled::of(number);
                log_row::insert(&mut transaction, &event, &mut story).await?;
            }
            transaction.commit().await?;
        }
        Ok(began.elapsed())
    }
}
