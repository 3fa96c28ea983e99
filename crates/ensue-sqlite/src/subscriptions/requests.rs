//! What operators ask for.

use ensue::store::columns::{AnswerColumns, CommandColumns, Numbered, read_replayed};
use ensue::subscription::{Command, Request, RequestId};
use ensue::{BoxError, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::now;

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    subscription: &str,
    command: &Command,
    reason: &str,
) -> sqlx::Result<RequestId> {
    let columns = CommandColumns::from(command);
    let id: i64 = sqlx::query_scalar(include_str!("../sql/insert_request.sql"))
        .bind(subscription)
        .bind(columns.command)
        .bind(columns.position)
        .bind(columns.last_position)
        .bind(columns.key)
        .bind(columns.failure_class)
        .bind(columns.at_most)
        .bind(reason)
        .bind(now().as_micros())
        .fetch_one(connection)
        .await?;
    Ok(RequestId::new(id.unsigned_abs()))
}

pub(super) async fn pending(pool: &SqlitePool) -> sqlx::Result<Vec<Request>> {
    let rows =
        sqlx::query(include_str!("../sql/read_pending_requests.sql")).fetch_all(pool).await?;
    rows.iter().map(request).collect::<Result<_, _>>().map_err(sqlx::Error::Decode)
}

pub(super) async fn find(pool: &SqlitePool, id: RequestId) -> sqlx::Result<Option<Request>> {
    let row: Option<SqliteRow> = sqlx::query(include_str!("../sql/read_request.sql"))
        .bind(id.number())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(request).transpose().map_err(sqlx::Error::Decode)
}

/// The columns in the order of `sql/read_pending_requests.sql`.
fn request(row: &SqliteRow) -> Result<Request, BoxError> {
    Ok(Request {
        id: RequestId::new(u64::try_from(row.try_get::<i64, _>(0)?)?),
        subscription: row.try_get(1)?,
        command: command(row)?.read()?,
        reason: row.try_get(8)?,
        requested_at: Timestamp::from_micros(row.try_get(9)?),
        replayed: read_replayed(row.try_get(10)?, row.try_get(11)?)?,
        answer: answer(row)?.read()?,
    })
}

fn command(row: &SqliteRow) -> sqlx::Result<CommandColumns> {
    Ok(CommandColumns {
        command: row.try_get(2)?,
        position: row.try_get(3)?,
        last_position: row.try_get(4)?,
        key: row.try_get(5)?,
        failure_class: row.try_get(6)?,
        at_most: row.try_get(7)?,
    })
}

fn answer(row: &SqliteRow) -> sqlx::Result<AnswerColumns> {
    Ok(AnswerColumns { answer: row.try_get(12)?, changed: row.try_get(13)?, why: row.try_get(14)? })
}
