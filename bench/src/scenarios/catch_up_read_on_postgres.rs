//! What reading a log that is far behind costs.

use std::time::{Duration, Instant};

use ensue::BoxError;
use sqlx::PgConnection;

use crate::arm::Arm;
use crate::comparison::{Comparison, Contestant};
use crate::log_pages::{ENTRIES, LogPages, PAGE_ROWS, PAGES_PER_ROUND};
use crate::postgres::commits::Commits;
use crate::postgres::database::Database;
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "catch_up_read_on_postgres",
    question: "what does a log of 100,000 entries take to read in pages of 1,000, beside the bare \
               driver that reads the same columns into a tuple?",
    measure: || Box::pin(measure()),
};

const ROUNDS: u32 = 201;

/// At least 0.8 of the driver's throughput.
const TARGET: f64 = 1.0 / 0.8;

async fn measure() -> Result<(), BoxError> {
    let backlog = Database::new(Commits::AsTheDiskIs).await?.backlog(0..ENTRIES).await?;
    let reader = backlog.database().connect().await?;
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
    reader: PgConnection,
    after: i64,
}

/// The columns of an entry, each in memory of its own as the entry has it.
type Row = (
    i64,
    i64,
    String,
    String,
    i64,
    Option<String>,
    String,
    Option<String>,
    Option<Vec<u8>>,
    i64,
    String,
    Option<String>,
    i64,
    Option<String>,
    Option<String>,
);

impl Arm for TuplePages {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let began = Instant::now();
        for _ in 0..PAGES_PER_ROUND {
            let rows: Vec<Row> = sqlx::query_as(READ)
                .bind(self.after)
                .bind(i64::from(PAGE_ROWS))
                .fetch_all(&mut self.reader)
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
    position, recorded_at_us, event_id::text, type, version, key, content_type, payload,
    payload_bytes, occurred_at_us, correlation_id, causation_id::text, hops, trace_context, headers
FROM ensue.log
WHERE position > $1
ORDER BY position
LIMIT $2";
