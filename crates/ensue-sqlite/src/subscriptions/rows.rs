//! What is stored of a subscription, read.

use ensue::Position;
use ensue::store::columns::{SetAsideColumns, position};
use ensue::subscription::SetAside;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

pub(super) async fn cursor(
    connection: &mut SqliteConnection,
    subscription: &str,
) -> sqlx::Result<Option<Position>> {
    let cursor: Option<i64> = sqlx::query_scalar(include_str!("../sql/read_cursor.sql"))
        .bind(subscription)
        .fetch_optional(connection)
        .await?;
    Ok(cursor.map(position))
}

pub(super) async fn receipts(
    connection: &mut SqliteConnection,
    subscription: &str,
) -> sqlx::Result<Vec<Position>> {
    let receipts: Vec<i64> = sqlx::query_scalar(include_str!("../sql/read_receipts.sql"))
        .bind(subscription)
        .fetch_all(connection)
        .await?;
    Ok(receipts.into_iter().map(position).collect())
}

/// Why it is paused, if it is.
pub(super) async fn pause(
    connection: &mut SqliteConnection,
    subscription: &str,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(include_str!("../sql/read_pause.sql"))
        .bind(subscription)
        .fetch_optional(connection)
        .await
}

pub(super) async fn set_aside(
    connection: &mut SqliteConnection,
    subscription: &str,
) -> sqlx::Result<Vec<SetAside>> {
    let rows = sqlx::query(include_str!("../sql/read_set_aside.sql"))
        .bind(subscription)
        .fetch_all(connection)
        .await?;
    let entries = rows.iter().map(|row| columns(row)?.read().map_err(sqlx::Error::Decode));
    entries.collect()
}

/// In the order of `sql/read_set_aside.sql`.
fn columns(row: &SqliteRow) -> sqlx::Result<SetAsideColumns> {
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
