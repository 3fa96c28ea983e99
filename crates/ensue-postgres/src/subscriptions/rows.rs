//! What is stored of a subscription, read.

use ensue::Position;
use ensue::store::columns::{SetAsideColumns, position};
use ensue::subscription::{SetAside, SubscriptionStatus};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::Open;

pub(super) async fn status(
    open: &mut Open<'_>,
    subscription: &str,
) -> sqlx::Result<Option<SubscriptionStatus>> {
    let read = open.query(include_str!("../sql/read_status.sql"));
    let Some(row) = open.fetch_optional(read.bind(subscription)).await? else { return Ok(None) };
    Ok(Some(SubscriptionStatus {
        cursor: position(row.try_get(0)?),
        owner: row.try_get(1)?,
        paused: row.try_get(2)?,
        set_aside: set_aside(open, subscription).await?,
    }))
}

pub(super) async fn receipts(
    open: &mut Open<'_>,
    subscription: &str,
) -> sqlx::Result<Vec<Position>> {
    let read = open.query(include_str!("../sql/read_receipts.sql"));
    let rows = open.fetch_all(read.bind(subscription)).await?;
    rows.iter().map(|row| row.try_get(0).map(position)).collect()
}

pub(super) async fn event_types(
    open: &mut Open<'_>,
    subscription: &str,
) -> sqlx::Result<Vec<String>> {
    let read = open.query(include_str!("../sql/read_event_types.sql"));
    let rows = open.fetch_all(read.bind(subscription)).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

pub(super) async fn set_aside(
    open: &mut Open<'_>,
    subscription: &str,
) -> sqlx::Result<Vec<SetAside>> {
    let read = open.query(include_str!("../sql/read_set_aside.sql"));
    let rows = open.fetch_all(read.bind(subscription)).await?;
    let entries = rows.iter().map(|row| columns(row)?.read().map_err(sqlx::Error::Decode));
    entries.collect()
}

/// In the order of `sql/read_set_aside.sql`.
fn columns(row: &PgRow) -> sqlx::Result<SetAsideColumns> {
    Ok(SetAsideColumns {
        position: row.try_get(0)?,
        key: row.try_get(1)?,
        state: row.try_get(2)?,
        attempts: row.try_get(3)?,
        next_attempt_at_us: row.try_get(4)?,
        failure_class: row.try_get(5)?,
        failure_message: row.try_get(6)?,
        is_replay: row.try_get(7)?,
    })
}
