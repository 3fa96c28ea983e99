//! What a long backlog takes, beside a loop by hand.

use std::time::{Duration, Instant};

use ensue::{BoxError, Event};
use ensue_sqlite::SqliteStore;
use sqlx::SqlitePool;

use crate::arm::Arm;
use crate::comparison::{Comparison, Contestant};
use crate::draining::{Draining, Handling};
use crate::order_cancelled::OrderCancelled;
use crate::scenario::Scenario;
use crate::sqlite::database::{Database, SqliteBacklog};
use crate::sqlite::durability::Durability;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "drain_a_backlog_of_100000_to_a_transactional_handler",
    question: "what does a backlog of 100,000 entries take to drain to a handler that does \
               nothing, beside a loop by hand that reads pages of 1,000, decodes, and moves a \
               cursor by a commit for each entry; and in batches of 1,000?",
    measure: || Box::pin(measure()),
};

const ENTRIES: u32 = 100_000;
const PAGE_ROWS: u32 = 1_000;
/// Each takes seconds.
const ROUNDS: u32 = 3;

async fn measure() -> Result<(), BoxError> {
    let comparison = Comparison {
        name: format!("{ENTRIES} entries, {}", Durability::Off),
        operation: "entry",
        per_round: ENTRIES,
        rounds: ROUNDS,
    };
    let ours = vec![
        Contestant::new("ensue, a commit each", ours(Handling::OneByOne { lanes: 1 }).await?),
        Contestant::new(
            "ensue, in batches",
            ours(Handling::InBatches { of: PAGE_ROWS as usize }).await?,
        ),
    ];
    comparison.run(ByHand::new().await?, ours).await
}

async fn ours(handling: Handling) -> Result<Draining<SqliteStore, Database>, BoxError> {
    let backlog = Database::new(Durability::Off).await?.backlog(0..ENTRIES).await?;
    Ok(Draining::new(backlog, ENTRIES, handling))
}

struct ByHand {
    writer: SqlitePool,
    reader: SqlitePool,
    _backlog: SqliteBacklog,
}

impl ByHand {
    async fn new() -> Result<Self, BoxError> {
        let backlog = Database::new(Durability::Off).await?.backlog(0..ENTRIES).await?;
        let writer = backlog.database().writer_by_hand().await?;
        let reader = backlog.database().reader_by_hand().await?;
        sqlx::query(START).bind(SUBSCRIPTION).execute(&writer).await?;
        Ok(Self { writer, reader, _backlog: backlog })
    }

    async fn handle_page_after(&self, cursor: i64) -> Result<Option<i64>, BoxError> {
        let page: Vec<(i64, String)> =
            sqlx::query_as(READ).bind(cursor).bind(PAGE_ROWS).fetch_all(&self.reader).await?;
        for (position, payload) in &page {
            OrderCancelled::decode(payload.as_bytes(), OrderCancelled::VERSION)?;
            self.advance(*position).await?;
        }
        Ok(page.last().map(|(position, _)| *position))
    }

    async fn advance(&self, position: i64) -> Result<(), BoxError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(ADVANCE).bind(position).bind(SUBSCRIPTION).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }
}

impl Arm for ByHand {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let (began, mut cursor) = (Instant::now(), 0);
        while let Some(last) = self.handle_page_after(cursor).await? {
            cursor = last;
        }
        Ok(began.elapsed())
    }
}

const SUBSCRIPTION: &str = "by hand";

const START: &str =
    "INSERT INTO ensue_cursor (subscription, position, moved_at_us) VALUES (?, 0, 0)";

const READ: &str =
    "SELECT position, payload FROM ensue_log WHERE position > ? ORDER BY position LIMIT ?";

const ADVANCE: &str = "UPDATE ensue_cursor SET position = ? WHERE subscription = ?";
