//! What reading a log that is far behind costs.

use std::time::{Duration, Instant};

use ensue::store::Page;
use ensue::{BoxError, Log, Position, raise};
use ensue_sqlite::{Events, SqliteStore};
use sqlx::SqlitePool;

use crate::arm::Arm;
use crate::comparison::{Comparison, Contestant};
use crate::database::Database;
use crate::durability::Durability;
use crate::order_cancelled::OrderCancelled;
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "catch_up_read",
    question: "what does a log of 100,000 entries take to read in pages of 1,000, beside the bare \
               driver that reads the same columns into a tuple?",
    measure: || Box::pin(measure()),
};

const ENTRIES: u32 = 100_000;
const PAGE_ROWS: u32 = 1_000;
/// A round reads a part of the log and the next one goes on where it ended.
const PAGES_PER_ROUND: u32 = 2;
const ROUNDS: u32 = 301;

/// At least 0.8 of the driver's throughput.
const TARGET: f64 = 1.0 / 0.8;

async fn measure() -> Result<(), BoxError> {
    let database = Database::new(Durability::Off).await?;
    let store = database.store().await?;
    fill(&store).await?;
    let reader = database.reader_by_hand().await?;
    let comparison = Comparison {
        name: "pages of 1,000".to_owned(),
        operation: "entry",
        per_round: PAGES_PER_ROUND * PAGE_ROWS,
        rounds: ROUNDS,
    };
    let ours = LogPages { store, after: Position::START };
    let contestants = vec![Contestant::new("ensue", ours).with_target(TARGET)];
    comparison.run(TuplePages { reader, after: 0 }, contestants).await
}

async fn fill(store: &SqliteStore) -> Result<(), BoxError> {
    let events = Events::builder(store.clone()).build().await?;
    for _ in 0..ENTRIES / PAGE_ROWS {
        let raise_page = async |_tx: &mut _| {
            (0..PAGE_ROWS).for_each(|number| raise(OrderCancelled::of(number)));
            Ok::<_, BoxError>(())
        };
        events.run(raise_page).await?;
    }
    Ok(())
}

struct LogPages {
    store: SqliteStore,
    after: Position,
}

impl Arm for LogPages {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let began = Instant::now();
        for _ in 0..PAGES_PER_ROUND {
            let entries = self.store.read(Page::new(self.after, PAGE_ROWS)).await?;
            let last = entries.last().map(|entry| entry.position);
            self.after = last.ok_or("the log has no such page")?;
        }
        let elapsed = began.elapsed();
        if self.after == Position::new(ENTRIES.into()) {
            self.after = Position::START;
        }
        Ok(elapsed)
    }
}

struct TuplePages {
    reader: SqlitePool,
    after: i64,
}

/// The columns of an entry, each in memory of its own as the entry has it.
type Row = (
    i64,
    String,
    String,
    u32,
    Option<String>,
    String,
    Vec<u8>,
    i64,
    i64,
    String,
    Option<String>,
    u32,
    Option<String>,
    Option<String>,
);

impl Arm for TuplePages {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let began = Instant::now();
        for _ in 0..PAGES_PER_ROUND {
            let rows: Vec<Row> = sqlx::query_as(READ)
                .bind(self.after)
                .bind(PAGE_ROWS)
                .fetch_all(&self.reader)
                .await?;
            self.after = rows.last().ok_or("the log has no such page")?.0;
        }
        let elapsed = began.elapsed();
        if self.after == i64::from(ENTRIES) {
            self.after = 0;
        }
        Ok(elapsed)
    }
}

const READ: &str = "
SELECT
    position, event_id, type, version, key, content_type, payload, occurred_at_us, recorded_at_us,
    correlation_id, causation_id, hops, trace_context, headers
FROM ensue_log
WHERE position > ?
ORDER BY position
LIMIT ?";
