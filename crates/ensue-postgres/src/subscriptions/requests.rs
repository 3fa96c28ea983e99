//! What operators ask for.

use ensue::subscription::{Answer, Command, FailureClass, Replayed, Request, RequestId, Which};
use ensue::{BoxError, Timestamp};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{Open, position_number, rows};

pub(super) async fn insert(
    open: &mut Open<'_>,
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
    let insert = open.query(include_str!("../sql/insert_request.sql"));
    let insert = insert
        .bind(subscription)
        .bind(command.name())
        .bind(position.map(position_number))
        .bind(last.map(position_number))
        .bind(key)
        .bind(class.map(FailureClass::name))
        .bind(at_most)
        .bind(reason);
    let row = open.fetch_optional(insert).await?.ok_or(sqlx::Error::RowNotFound)?;
    Ok(RequestId::new(row.try_get::<i64, _>(0)?.unsigned_abs()))
}

/// The columns in the order of `sql/read_pending_requests.sql`.
pub(super) fn request(row: &PgRow) -> sqlx::Result<Request> {
    let request = || -> Result<Request, BoxError> {
        Ok(Request {
            id: RequestId::new(row.try_get::<i64, _>(0)?.try_into()?),
            subscription: row.try_get(1)?,
            command: command(row)?,
            reason: row.try_get(8)?,
            requested_at: Timestamp::from_micros(row.try_get(9)?),
            replayed: replayed(row)?,
            answer: answer(row)?,
        })
    };
    request().map_err(sqlx::Error::Decode)
}

fn command(row: &PgRow) -> Result<Command, BoxError> {
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

fn which(row: &PgRow) -> Result<Which, BoxError> {
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

fn replayed(row: &PgRow) -> Result<Option<Replayed>, BoxError> {
    let Some(up_to) = row.try_get::<Option<i64>, _>(10)? else { return Ok(None) };
    let entries = u64::try_from(row.try_get::<i64, _>(11)?)?;
    Ok(Some(Replayed { up_to: rows::position(up_to), entries }))
}

fn answer(row: &PgRow) -> Result<Option<Answer>, BoxError> {
    Ok(match row.try_get(12)? {
        None => None,
        Some("done") => Some(Answer::Done { changed: u64::try_from(row.try_get::<i64, _>(13)?)? }),
        Some("refused") => Some(Answer::Refused { why: row.try_get(14)? }),
        Some(other) => return Err(format!("`{other}` is no answer").into()),
    })
}
