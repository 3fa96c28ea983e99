//! `outbox-core` on `outbox-postgres`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bench::{Arm, Countdown, PostgresDatabase};
use ensue::BoxError;
use outbox_core::{Event, OutboxConfig, OutboxError, OutboxManagerBuilder, Transport};
use outbox_postgres::PostgresOutbox;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::sync::watch;

use crate::pool;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct OrderCancelled {
    order_no: String,
    amount: i64,
}

/// A new manager in each round, and the same backlog.
pub(crate) struct Relay {
    events: u32,
    batch: u32,
    pool: PgPool,
    _database: PostgresDatabase,
}

impl Relay {
    /// Which claims so many at once.
    pub(crate) async fn new(events: u32, batch: u32) -> Result<Self, BoxError> {
        let database = PostgresDatabase::empty().await?;
        let pool = pool::of(&database).await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        Ok(Self { events, batch, pool, _database: database })
    }

    async fn fill(&self) -> Result<(), BoxError> {
        sqlx::query("TRUNCATE outbox_events").execute(&self.pool).await?;
        sqlx::query(FILL).bind(i64::from(self.events)).execute(&self.pool).await?;
        Ok(())
    }
}

impl Arm for Relay {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        self.fill().await?;
        let countdown = Countdown::from(self.events);
        let mut config = OutboxConfig::<OrderCancelled>::default();
        config.batch_size = self.batch;
        let config = Arc::new(config);
        let (end, ended) = watch::channel(false);
        let manager = OutboxManagerBuilder::new()
            .storage(Arc::new(PostgresOutbox::new(self.pool.clone(), Arc::clone(&config))))
            .publisher(Arc::new(CountDown(Arc::clone(&countdown))))
            .config(config)
            .shutdown_rx(ended)
            .build()?;
        let began = Instant::now();
        let working = tokio::spawn(manager.run());
        countdown.end().await?;
        let elapsed = began.elapsed();
        end.send(true)?;
        working.await??;
        Ok(elapsed)
    }
}

struct CountDown(Arc<Countdown>);

#[async_trait]
impl Transport<OrderCancelled> for CountDown {
    async fn publish(&self, _: Event<OrderCancelled>) -> Result<(), OutboxError> {
        self.0.step();
        Ok(())
    }
}

/// As its documentation has it.
const SCHEMA: &str = "
CREATE TYPE status AS ENUM ('Pending', 'Processing', 'Sent');
CREATE TABLE outbox_events (
    id                uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    idempotency_token text        DEFAULT NULL,
    event_type        text        NOT NULL,
    payload           jsonb       NOT NULL,
    status            status      NOT NULL DEFAULT 'Pending',
    created_at        timestamptz NOT NULL DEFAULT now(),
    locked_until      timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE INDEX idx_outbox_processing_queue ON outbox_events (locked_until ASC, status)
    WHERE status IN ('Pending', 'Processing');
CREATE UNIQUE INDEX idx_outbox_idempotency ON outbox_events (idempotency_token);
CREATE FUNCTION notify_outbox_event() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN PERFORM pg_notify('outbox_event', 'ping'); RETURN new; END $$;
CREATE TRIGGER outbox_events_notify_trigger AFTER INSERT OR UPDATE ON outbox_events
    FOR EACH ROW EXECUTE FUNCTION notify_outbox_event();
";

/// It cannot read the infinitely long ago that the table has by default.
const FILL: &str = "
INSERT INTO outbox_events (event_type, payload, locked_until)
SELECT 'order.cancelled', jsonb_build_object('order_no', 'A-' || number, 'amount', 900), 'epoch'
FROM generate_series(1, $1) AS number";
