//! What is stored of a subscription, read.

use ensue::subscription::{Failure, SetAside, SetAsideState};
use ensue::{BoxError, Position, Timestamp};
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
    rows.iter().map(set_aside_entry).collect::<Result<_, _>>().map_err(sqlx::Error::Decode)
}

/// The columns in the order of `sql/read_set_aside.sql`.
fn set_aside_entry(row: &SqliteRow) -> Result<SetAside, BoxError> {
    let state: &str = row.try_get(2)?;
    let next_attempt_at = row.try_get::<Option<i64>, _>(4)?.map(Timestamp::from_micros);
    Ok(SetAside {
        position: position(row.try_get(0)?),
        key: row.try_get(1)?,
        state: SetAsideState::from_parts(state, next_attempt_at)
            .ok_or_else(|| format!("`{state}` with {next_attempt_at:?} is no state"))?,
        attempts: row.try_get(3)?,
        failure: failure(row.try_get(5)?, row.try_get(6)?)?,
        is_replay: row.try_get(7)?,
    })
}

fn failure(class: Option<&str>, message: Option<&str>) -> Result<Option<Failure>, BoxError> {
    let Some(class) = class else { return Ok(None) };
    Ok(Some(Failure { class: class.parse()?, message: message.unwrap_or_default().to_owned() }))
}

/// None is negative: what is bound comes from [`position_number`](super::position_number).
pub(super) fn position(number: i64) -> Position {
    Position::new(number.unsigned_abs())
}
