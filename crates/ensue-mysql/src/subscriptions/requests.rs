//! What operators ask for.

use ensue::store::columns::{AnswerColumns, CommandColumns, read_replayed};
use ensue::subscription::{Command, Request, RequestId};
use ensue::{BoxError, Timestamp};
use sqlx::mysql::MySqlRow;
use sqlx::{MySqlConnection, Row};

use crate::sql::sql;

/// ORDERING: the floor is locked first, so that nobody prunes what is to be replayed.
pub(super) async fn insert(
    connection: &mut MySqlConnection,
    subscription: &str,
    command: &Command,
    reason: &str,
) -> sqlx::Result<RequestId> {
    let columns = CommandColumns::from(command);
    sqlx::query(sql!("lock_floor")).fetch_all(&mut *connection).await?;
    let insert = sqlx::query(sql!("insert_request"))
        .bind(subscription)
        .bind(columns.command)
        .bind(columns.position)
        .bind(columns.last_position)
        .bind(columns.key)
        .bind(columns.failure_class)
        .bind(columns.at_most)
        .bind(reason);
    Ok(RequestId::new(insert.execute(connection).await?.last_insert_id()))
}

/// The columns in the order of `sql/read_pending_requests.sql`.
pub(super) fn request(row: &MySqlRow) -> sqlx::Result<Request> {
    let request = || -> Result<Request, BoxError> {
        Ok(Request {
            id: RequestId::new(row.try_get::<i64, _>(0)?.try_into()?),
            subscription: row.try_get(1)?,
            command: command(row)?.read()?,
            reason: row.try_get(8)?,
            requested_at: Timestamp::from_micros(row.try_get(9)?),
            replayed: read_replayed(row.try_get(10)?, row.try_get(11)?)?,
            answer: answer(row)?.read()?,
        })
    };
    request().map_err(sqlx::Error::Decode)
}

fn command(row: &MySqlRow) -> sqlx::Result<CommandColumns> {
    Ok(CommandColumns {
        command: row.try_get(2)?,
        position: row.try_get(3)?,
        last_position: row.try_get(4)?,
        key: row.try_get(5)?,
        failure_class: row.try_get(6)?,
        at_most: row.try_get(7)?,
    })
}

fn answer(row: &MySqlRow) -> sqlx::Result<AnswerColumns> {
    Ok(AnswerColumns { answer: row.try_get(12)?, changed: row.try_get(13)?, why: row.try_get(14)? })
}
