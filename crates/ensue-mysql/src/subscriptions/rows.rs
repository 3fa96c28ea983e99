//! What is stored of a subscription, read.

use ensue::Position;
use ensue::store::columns::{SetAsideColumns, position};
use ensue::subscription::{SetAside, SubscriptionStatus};
use sqlx::mysql::MySqlRow;
use sqlx::{MySqlConnection, Row};

use crate::sql::sql;

pub(super) async fn status(
    connection: &mut MySqlConnection,
    subscription: &str,
) -> sqlx::Result<Option<SubscriptionStatus>> {
    let read = sqlx::query(sql!("read_status"));
    let rows = read.bind(subscription).fetch_all(&mut *connection).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(SubscriptionStatus {
        cursor: position(row.try_get(0)?),
        owner: row.try_get(1)?,
        paused: row.try_get(2)?,
        set_aside: set_aside(connection, subscription).await?,
    }))
}

pub(super) async fn receipts(
    connection: &mut MySqlConnection,
    subscription: &str,
) -> sqlx::Result<Vec<Position>> {
    let read = sqlx::query(sql!("read_receipts"));
    let rows = read.bind(subscription).fetch_all(connection).await?;
    rows.iter().map(|row| row.try_get(0).map(position)).collect()
}

pub(super) async fn event_types(
    connection: &mut MySqlConnection,
    subscription: &str,
) -> sqlx::Result<Vec<String>> {
    let read = sqlx::query(sql!("read_event_types"));
    let rows = read.bind(subscription).fetch_all(connection).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

pub(super) async fn set_aside(
    connection: &mut MySqlConnection,
    subscription: &str,
) -> sqlx::Result<Vec<SetAside>> {
    let read = sqlx::query(sql!("read_set_aside"));
    let rows = read.bind(subscription).fetch_all(connection).await?;
    let entries = rows.iter().map(|row| columns(row)?.read().map_err(sqlx::Error::Decode));
    entries.collect()
}

/// In the order of `sql/read_set_aside.sql`.
fn columns(row: &MySqlRow) -> sqlx::Result<SetAsideColumns> {
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
