//! What ensue stores of an event, stored by hand.

use ensue::{BoxError, Event};
use sqlx::SqliteConnection;
use uuid::Uuid;

use crate::clock::now_us;
use crate::order_cancelled::OrderCancelled;

/// Stores `event` as one who needs the same columns would: an id of the same making, JSON, and
/// times by the same clock. Whatever is not there is NULL.
///
/// `story` is the correlation id: that of the transaction's first event.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    event: &OrderCancelled,
    story: &mut Option<String>,
) -> Result<(), BoxError> {
    let id = Uuid::now_v7().to_string();
    let story = story.get_or_insert_with(|| id.clone());
    let now = now_us()?;
    sqlx::query(INSERT)
        .bind(&id)
        .bind(OrderCancelled::TYPE)
        .bind(OrderCancelled::VERSION)
        .bind(&event.order_no)
        .bind(OrderCancelled::CONTENT_TYPE)
        .bind(serde_json::to_string(event)?)
        .bind(now)
        .bind(now)
        .bind(&*story)
        .bind(None::<&str>)
        .bind(0)
        .bind(None::<&str>)
        .bind(None::<&str>)
        .execute(connection)
        .await?;
    Ok(())
}

const INSERT: &str = "
INSERT INTO ensue_log (
    event_id, type, version, key, content_type, payload, occurred_at_us, recorded_at_us,
    correlation_id, causation_id, hops, trace_context, headers
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
