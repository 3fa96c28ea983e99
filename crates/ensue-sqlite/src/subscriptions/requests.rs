//! What operators ask for.

use ensue::subscription::{Answer, Command, FailureClass, Replayed, Request, RequestId, Which};
use ensue::{BoxError, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};

use super::{now, position_number, request_number, rows};

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    subscription: &str,
    command: &Command,
    reason: &str,
) -> sqlx::Result<RequestId> {
    let (position, last) = match (command, command.which()) {
        (Command::Seek { to }, _) => (Some(*to), None),
        (Command::Replay { first, last }, _) => (Some(*first), Some(*last)),
        (_, Some(Which::Entry(position))) => (Some(*position), None),
        _ => (None, None),
    };
    let (key, class, at_most) = match command.which() {
        Some(Which::Key(key)) => (Some(key.as_str()), None, None),
        // More than there can be rows is as many as there are.
        Some(Which::Parked { class, at_most }) => (None, *class, i64::try_from(*at_most).ok()),
        Some(Which::Entry(_)) | None => (None, None, None),
    };
    let id: i64 = sqlx::query_scalar(include_str!("../sql/insert_request.sql"))
        .bind(subscription)
        .bind(command.name())
        .bind(position.map(position_number))
        .bind(last.map(position_number))
        .bind(key)
        .bind(class.map(FailureClass::name))
        .bind(at_most)
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
        .bind(request_number(id))
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(request).transpose().map_err(sqlx::Error::Decode)
}

/// The columns in the order of `sql/read_pending_requests.sql`.
fn request(row: &SqliteRow) -> Result<Request, BoxError> {
    Ok(Request {
        id: RequestId::new(u64::try_from(row.try_get::<i64, _>(0)?)?),
        subscription: row.try_get(1)?,
        command: command(row)?,
        reason: row.try_get(8)?,
        requested_at: Timestamp::from_micros(row.try_get(9)?),
        replayed: replayed(row)?,
        answer: answer(row)?,
    })
}

fn command(row: &SqliteRow) -> Result<Command, BoxError> {
    Ok(match row.try_get(2)? {
        "retry" => Command::Retry(which(row)?),
        "skip" => Command::Skip(which(row)?),
        "pause" => Command::Pause,
        "resume" => Command::Resume,
        "seek" => Command::Seek { to: rows::position(row.try_get(3)?) },
        "replay" => Command::Replay {
            first: rows::position(row.try_get(3)?),
            last: rows::position(row.try_get(4)?),
        },
        other => return Err(format!("`{other}` is no command").into()),
    })
}

fn which(row: &SqliteRow) -> Result<Which, BoxError> {
    let (position, key): (Option<i64>, _) = (row.try_get(3)?, row.try_get(5)?);
    Ok(match (position, key) {
        (Some(position), _) => Which::Entry(rows::position(position)),
        (None, Some(key)) => Which::Key(key),
        (None, None) => {
            let class = row.try_get::<Option<&str>, _>(6)?.map(str::parse).transpose()?;
            let at_most = row.try_get::<Option<i64>, _>(7)?.map(u64::try_from).transpose()?;
            Which::Parked { class, at_most: at_most.unwrap_or(u64::MAX) }
        }
    })
}

fn replayed(row: &SqliteRow) -> Result<Option<Replayed>, BoxError> {
    let Some(up_to) = row.try_get::<Option<i64>, _>(10)? else { return Ok(None) };
    let entries = u64::try_from(row.try_get::<i64, _>(11)?)?;
    Ok(Some(Replayed { up_to: rows::position(up_to), entries }))
}

fn answer(row: &SqliteRow) -> Result<Option<Answer>, BoxError> {
    Ok(match row.try_get(12)? {
        None => None,
        Some("done") => Some(Answer::Done { changed: u64::try_from(row.try_get::<i64, _>(13)?)? }),
        Some("refused") => Some(Answer::Refused { why: row.try_get(14)? }),
        Some(other) => return Err(format!("`{other}` is no answer").into()),
    })
}
