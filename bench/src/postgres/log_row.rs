//! What ensue stores of events, stored by hand in a plain table.

use ensue::{BoxError, Event};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::clock::now_us;
use crate::order_cancelled::OrderCancelled;

/// Stores the events as one who needs the same columns would: ids of the same making, JSON, times of
/// the same clock, and one statement, however many they are. Whatever is not there is NULL. The
/// correlation id is that of the first event.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    events: &[OrderCancelled],
) -> Result<(), BoxError> {
    match events {
        [event] => insert_one(connection, event).await,
        events => insert_several(connection, events).await,
    }
}

async fn insert_one(connection: &mut PgConnection, event: &OrderCancelled) -> Result<(), BoxError> {
    let id = Uuid::now_v7().to_string();
    sqlx::query(INSERT_ONE)
        .bind(&id)
        .bind(OrderCancelled::TYPE)
        .bind(i64::from(OrderCancelled::VERSION))
        .bind(&event.order_no)
        .bind(OrderCancelled::CONTENT_TYPE)
        .bind(serde_json::to_string(event)?)
        .bind(None::<&[u8]>)
        .bind(now_us()?)
        .bind(&id)
        .bind(None::<&str>)
        .bind(0_i64)
        .bind(None::<&str>)
        .bind(None::<&str>)
        .execute(connection)
        .await?;
    Ok(())
}

async fn insert_several(
    connection: &mut PgConnection,
    events: &[OrderCancelled],
) -> Result<(), BoxError> {
    let rows = Rows::of(events)?;
    let story = rows.event_ids.first().cloned().unwrap_or_default();
    let nothing = || vec![None::<&str>; events.len()];
    sqlx::query(INSERT_SEVERAL)
        .bind(rows.event_ids)
        .bind(vec![OrderCancelled::TYPE; events.len()])
        .bind(vec![i64::from(OrderCancelled::VERSION); events.len()])
        .bind(events.iter().map(|event| event.order_no.as_str()).collect::<Vec<_>>())
        .bind(vec![OrderCancelled::CONTENT_TYPE; events.len()])
        .bind(rows.payloads)
        .bind(vec![None::<&[u8]>; events.len()])
        .bind(vec![now_us()?; events.len()])
        .bind(vec![story; events.len()])
        .bind(nothing())
        .bind(vec![0_i64; events.len()])
        .bind(nothing())
        .bind(nothing())
        .execute(connection)
        .await?;
    Ok(())
}

struct Rows {
    event_ids: Vec<String>,
    payloads: Vec<String>,
}

impl Rows {
    fn of(events: &[OrderCancelled]) -> Result<Self, BoxError> {
        Ok(Self {
            event_ids: events.iter().map(|_| Uuid::now_v7().to_string()).collect(),
            payloads: events.iter().map(serde_json::to_string).collect::<Result<_, _>>()?,
        })
    }
}

const INSERT_ONE: &str = "
INSERT INTO plain_log (
    event_id, type, version, key, content_type, payload, payload_bytes, occurred_at_us,
    recorded_at_us, correlation_id, causation_id, hops, trace_context, headers
)
VALUES (
    $1::text::uuid, $2, $3, $4, $5, $6, $7, $8,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, $9, $10::text::uuid, $11, $12, $13
)";

const INSERT_SEVERAL: &str = "
INSERT INTO plain_log (
    event_id, type, version, key, content_type, payload, payload_bytes, occurred_at_us,
    recorded_at_us, correlation_id, causation_id, hops, trace_context, headers
)
SELECT
    event_id::uuid, type, version, key, content_type, payload, payload_bytes, occurred_at_us,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, correlation_id, causation_id::uuid,
    hops, trace_context, headers
FROM unnest(
    $1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bytea[],
    $8::bigint[], $9::text[], $10::text[], $11::bigint[], $12::text[], $13::text[]
) AS event (
    event_id, type, version, key, content_type, payload, payload_bytes, occurred_at_us,
    correlation_id, causation_id, hops, trace_context, headers
)";
