//! `hexeract-outbox` on `hexeract-outbox-sql`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::{Arm, Countdown, PostgresDatabase};
use ensue::BoxError;
use hexeract_core::HandlerContext;
use hexeract_outbox::{Event, Handler, OutboxError};
use hexeract_outbox_sql::PgOutboxWorkerBuilder;
use hexeract_outbox_sql::postgres::ensure_schema;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::pool;

#[derive(Debug, Serialize, Deserialize)]
struct OrderCancelled {
    order_no: String,
    amount: i64,
}

impl Event for OrderCancelled {
    const EVENT_TYPE: &'static str = "order.cancelled";
}

/// A new worker in each round, and the same backlog.
pub(crate) struct Relay {
    events: u32,
    pool: PgPool,
    _database: PostgresDatabase,
}

impl Relay {
    pub(crate) async fn new(events: u32) -> Result<Self, BoxError> {
        let database = PostgresDatabase::empty().await?;
        let pool = pool::of(&database).await?;
        ensure_schema(&pool, TABLE).await?;
        Ok(Self { events, pool, _database: database })
    }

    async fn fill(&self) -> Result<(), BoxError> {
        sqlx::query("TRUNCATE shop_outbox").execute(&self.pool).await?;
        sqlx::query(FILL).bind(i64::from(self.events)).execute(&self.pool).await?;
        Ok(())
    }
}

impl Arm for Relay {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        self.fill().await?;
        let countdown = Countdown::from(self.events);
        let worker = PgOutboxWorkerBuilder::new(self.pool.clone())
            .table_name(TABLE)
            .register_handler::<OrderCancelled, _>(CountDown(Arc::clone(&countdown)))
            .batch_size(BATCH)
            .build()?;
        let end = CancellationToken::new();
        let began = Instant::now();
        let working = tokio::spawn(worker.run(end.clone()));
        countdown.end().await?;
        let elapsed = began.elapsed();
        end.cancel();
        working.await??;
        Ok(elapsed)
    }
}

struct CountDown(Arc<Countdown>);

impl Handler<OrderCancelled> for CountDown {
    type Error = OutboxError;

    async fn handle(&self, _: OrderCancelled, _: &HandlerContext) -> Result<(), OutboxError> {
        self.0.step();
        Ok(())
    }
}

const TABLE: &str = "shop_outbox";

/// Ten by default, which made it slower: each batch finds its rows among those that are delivered.
const BATCH: usize = 1_000;

const FILL: &str = "
INSERT INTO shop_outbox (event_id, event_type, payload)
SELECT gen_random_uuid(), 'order.cancelled',
    jsonb_build_object('order_no', 'A-' || number, 'amount', 900)
FROM generate_series(1, $1) AS number";
