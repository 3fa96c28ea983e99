//! What the forwarder adds to the commits that it makes.

use std::time::{Duration, Instant};

use ensue::BoxError;
use sqlx::SqlitePool;

use crate::arm::Arm;
use crate::comparison::{Comparison, Contestant};
use crate::draining::{Draining, Handling};
use crate::scenario::Scenario;
use crate::sqlite::database::Database;
use crate::sqlite::durability::Durability;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "drain_to_a_transactional_handler",
    question: "what does a backlog take to drain to a handler that does nothing, beside a loop \
               that only moves a cursor by a commit for each entry?",
    measure: || Box::pin(measure()),
};

const BACKLOG: u32 = 1_000;
const ROUNDS: u32 = 61;

async fn measure() -> Result<(), BoxError> {
    for durability in Durability::BOTH {
        let backlog = durability.commits(BACKLOG);
        let comparison = Comparison {
            name: format!("{backlog} entries, {durability}"),
            operation: "entry",
            per_round: backlog,
            rounds: ROUNDS,
        };
        let full = Database::new(durability).await?.backlog(0..backlog).await?;
        let ours = Draining::new(full, backlog, Handling::OneByOne { lanes: 1 });
        let ours = Contestant::new("ensue", ours);
        comparison.run(ByHand::new(durability, backlog).await?, vec![ours]).await?;
    }
    Ok(())
}

struct ByHand {
    writer: SqlitePool,
    backlog: u32,
    _database: Database,
}

impl ByHand {
    async fn new(durability: Durability, backlog: u32) -> Result<Self, BoxError> {
        let database = Database::new(durability).await?;
        let writer = database.writer_by_hand().await?;
        sqlx::query(
            "INSERT INTO ensue_cursor (subscription, position, moved_at_us) VALUES (?, 0, 0)",
        )
        .bind(SUBSCRIPTION)
        .execute(&writer)
        .await?;
        Ok(Self { writer, backlog, _database: database })
    }
}

impl Arm for ByHand {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let began = Instant::now();
        for position in 1..=self.backlog {
            let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
            sqlx::query("UPDATE ensue_cursor SET position = ? WHERE subscription = ?")
                .bind(position)
                .bind(SUBSCRIPTION)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
        }
        Ok(began.elapsed())
    }
}

const SUBSCRIPTION: &str = "by hand";
