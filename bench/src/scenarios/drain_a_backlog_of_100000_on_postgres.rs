//! What a long backlog takes, beside a loop by hand.

use std::time::{Duration, Instant};

use ensue::{BoxError, Event};
use sqlx::{Connection, PgConnection};

use crate::arm::Arm;
use crate::comparison::{Comparison, Contestant};
use crate::draining::{APartOf, Handling};
use crate::order_cancelled::OrderCancelled;
use crate::postgres::commits::Commits;
use crate::postgres::database::{Database, PostgresBacklog};
use crate::postgres::drain;
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "drain_a_backlog_of_100000_on_postgres",
    question: "what does a backlog of 100,000 entries take to drain to a handler that does \
               nothing, beside a loop by hand that reads pages of 1,000, decodes, and moves a \
               cursor by a commit for each entry? What has a commit for each does a twentieth of \
               it, taken for twenty times as much",
    measure: || Box::pin(measure()),
};

const ENTRIES: u32 = 100_000;
const PAGE_ROWS: u32 = 1_000;
const PARTS: u32 = 20;
const ROUNDS: u32 = 5;

async fn measure() -> Result<(), BoxError> {
    let comparison = Comparison {
        name: format!("{ENTRIES} entries"),
        operation: "entry",
        per_round: ENTRIES,
        rounds: ROUNDS,
    };
    let part = ENTRIES / PARTS;
    let lanes = async |lanes| {
        let arm = drain::arm(part, Handling::OneByOne { lanes }).await?;
        Ok::<_, BoxError>(APartOf { arm, parts: PARTS })
    };
    let in_batches = drain::arm(ENTRIES, Handling::InBatches { of: PAGE_ROWS as usize }).await?;
    let ours = vec![
        Contestant::new("ensue, a commit each, one lane", lanes(1).await?),
        Contestant::new("ensue, a commit each, 16 lanes", lanes(16).await?),
        Contestant::new("ensue, in batches of 1,000", in_batches),
    ];
    let by_hand = APartOf { arm: ByHand::new(part).await?, parts: PARTS };
    comparison.run(by_hand, ours).await
}

struct ByHand {
    reader: PgConnection,
    writer: PgConnection,
    _backlog: PostgresBacklog,
}

impl ByHand {
    async fn new(entries: u32) -> Result<Self, BoxError> {
        let backlog = Database::new(Commits::AsTheDiskIs).await?.backlog(0..entries).await?;
        backlog.database().execute(START).await?;
        let reader = backlog.database().connect().await?;
        let writer = backlog.database().connect().await?;
        Ok(Self { reader, writer, _backlog: backlog })
    }

    async fn handle_page_after(&mut self, cursor: i64) -> Result<Option<i64>, BoxError> {
        let page: Vec<(i64, String)> = sqlx::query_as(READ)
            .bind(cursor)
            .bind(i64::from(PAGE_ROWS))
            .fetch_all(&mut self.reader)
            .await?;
        for (position, payload) in &page {
            OrderCancelled::decode(payload.as_bytes(), OrderCancelled::VERSION)?;
            self.advance(*position).await?;
        }
        Ok(page.last().map(|(position, _)| *position))
    }

    async fn advance(&mut self, position: i64) -> Result<(), BoxError> {
        let mut transaction = self.writer.begin().await?;
        sqlx::query(ADVANCE).bind(position).execute(&mut *transaction).await?;
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

const START: &str =
    "INSERT INTO ensue.cursor (subscription, position, moved_at_us) VALUES ('by hand', 0, 0)";

const READ: &str =
    "SELECT position, payload FROM ensue.log WHERE position > $1 ORDER BY position LIMIT $2";

const ADVANCE: &str = "UPDATE ensue.cursor SET position = $1 WHERE subscription = 'by hand'";
