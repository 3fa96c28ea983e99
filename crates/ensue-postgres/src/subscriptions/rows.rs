//! What is stored of a subscription, read.

use ensue::subscription::{Failure, SetAside, SetAsideState, SubscriptionStatus};
use ensue::{BoxError, Position, Timestamp};
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
    rows.iter().map(set_aside_entry).collect::<Result<_, _>>().map_err(sqlx::Error::Decode)
}

/// The columns in the order of `sql/read_set_aside.sql`.
fn set_aside_entry(row: &PgRow) -> Result<SetAside, BoxError> {
    let state: &str = row.try_get(2)?;
    let next_attempt_at = row.try_get::<Option<i64>, _>(4)?.map(Timestamp::from_micros);
    Ok(SetAside {
        position: position(row.try_get(0)?),
        key: row.try_get(1)?,
        state: SetAsideState::from_parts(state, next_attempt_at)
            .ok_or_else(|| format!("`{state}` with {next_attempt_at:?} is no state"))?,
        attempts: row.try_get::<i64, _>(3)?.try_into()?,
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
