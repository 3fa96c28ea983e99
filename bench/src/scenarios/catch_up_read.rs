//! What reading a log that is far behind costs.

use std::time::{Duration, Instant};

use ensue::BoxError;
use sqlx::SqlitePool;

use crate::arm::Arm;
use crate::comparison::{Comparison, Contestant};
use crate::log_pages::{ENTRIES, LogPages, PAGE_ROWS, PAGES_PER_ROUND};
use crate::scenario::Scenario;
use crate::sqlite::database::Database;
use crate::sqlite::durability::Durability;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "catch_up_read",
    question: "what does a log of 100,000 entries take to read in pages of 1,000, beside the bare \
               driver that reads the same columns into a tuple?",
    measure: || Box::pin(measure()),
};

const ROUNDS: u32 = 301;

/// At least 0.8 of the driver's throughput.
const TARGET: f64 = 1.0 / 0.8;

async fn measure() -> Result<(), BoxError> {
    let backlog = Database::new(Durability::Off).await?.backlog(0..ENTRIES).await?;
    let reader = backlog.database().reader_by_hand().await?;
    let comparison = Comparison {
        name: "pages of 1,000".to_owned(),
        operation: "entry",
        per_round: PAGES_PER_ROUND * PAGE_ROWS,
        rounds: ROUNDS,
    };
    let ours = LogPages::of(backlog.store().clone());
    let contestants = vec![Contestant::new("ensue", ours).with_target(TARGET)];
    comparison.run(TuplePages { reader, after: 0 }, contestants).await
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
