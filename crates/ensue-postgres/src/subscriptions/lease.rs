//! Who runs a subscription, and for how long.

use std::time::Duration;

use ensue::Position;
use ensue::store::columns::{Numbered, position};
use ensue::subscription::{Claim, Epoch, TakeOver};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::Open;

/// Makes the rows of a subscription that has none. A type that is new ends the epoch of whoever
/// owns it.
pub(super) async fn register(
    open: &mut Open<'_>,
    subscription: &str,
    start: Option<Position>,
    event_types: &[&str],
) -> sqlx::Result<()> {
    let register = open.query(include_str!("../sql/register.sql"));
    open.execute(register.bind(subscription).bind(start.map(Position::number))).await?;
    let insert = open.query(include_str!("../sql/insert_event_types.sql"));
    if open.execute(insert.bind(subscription).bind(event_types)).await? > 0 {
        close_fence(open, subscription).await?;
        let end = open.query(include_str!("../sql/end_epoch.sql"));
        open.execute(end.bind(subscription)).await?;
    }
    Ok(())
}

/// The answer to `owner` while the lease of another one runs.
pub(super) async fn held(
    open: &mut Open<'_>,
    subscription: &str,
    owner: &str,
) -> sqlx::Result<Option<TakeOver>> {
    let read = open.query(include_str!("../sql/read_running_lease.sql"));
    let running = open.fetch_optional(read.bind(subscription).bind(owner)).await?;
    let Some(running) = running else { return Ok(None) };
    let remaining = Duration::from_micros(running.try_get::<i64, _>(1)?.unsigned_abs());
    Ok(Some(TakeOver::Held { owner: running.try_get(0)?, remaining }))
}

/// Waits for those who record under the owner's epoch, and lets no others begin; false if there is
/// no such subscription.
pub(super) async fn lock(open: &mut Open<'_>, subscription: &str) -> sqlx::Result<bool> {
    close_fence(open, subscription).await?;
    let lock = open.query(include_str!("../sql/lock_owner.sql"));
    Ok(open.fetch_optional(lock.bind(subscription)).await?.is_some())
}

/// ORDERING: before the owner's row is locked, as in the fence itself.
async fn close_fence(open: &mut Open<'_>, subscription: &str) -> sqlx::Result<()> {
    let close = open.query(include_str!("../sql/close_fence.sql"));
    open.execute(close.bind(subscription)).await.map(drop)
}

/// Lets `owner` be among those who stand by for as long as its lease would have been.
pub(super) async fn stand_by(
    open: &mut Open<'_>,
    subscription: &str,
    owner: &str,
    length: Duration,
) -> sqlx::Result<()> {
    let stand_by = open.query(include_str!("../sql/stand_by.sql"));
    let stand_by = stand_by.bind(subscription).bind(owner).bind(micros(length));
    open.execute(stand_by).await.map(drop)
}

/// What is known of a term as it begins, but for what there may be much of.
pub(super) struct Begun {
    pub(super) epoch: Epoch,
    pub(super) cursor: Position,
    pub(super) paused: bool,
    pub(super) is_handed_over: bool,
}

/// Begins the next epoch, and `owner`'s lease.
pub(super) async fn start(
    open: &mut Open<'_>,
    subscription: &str,
    owner: &str,
    length: Duration,
) -> sqlx::Result<Begun> {
    let take_over = open.query(include_str!("../sql/take_over.sql"));
    let take_over = take_over.bind(subscription).bind(owner).bind(micros(length));
    let row = open.fetch_optional(take_over).await?.ok_or(sqlx::Error::RowNotFound)?;
    Ok(Begun {
        epoch: Epoch::new(row.try_get::<i64, _>(0)?.unsigned_abs()),
        is_handed_over: row.try_get(1)?,
        cursor: position(row.try_get(2)?),
        paused: row.try_get(3)?,
    })
}

/// Whether `epoch` was there to have its lease changed.
pub(super) async fn change(
    open: &mut Open<'_>,
    subscription: &str,
    epoch: Epoch,
    length: Duration,
) -> sqlx::Result<bool> {
    let change = open.query(include_str!("../sql/change_lease.sql"));
    let change = change.bind(subscription).bind(epoch.number()).bind(micros(length));
    Ok(open.execute(change).await? > 0)
}

/// The columns in the order of `sql/read_claims.sql`.
pub(super) fn claims(rows: &[PgRow]) -> sqlx::Result<Vec<Claim>> {
    let claim = |row: &PgRow| {
        Ok(Claim {
            subscription: row.try_get(0)?,
            owner: row.try_get(1)?,
            is_owner: row.try_get(2)?,
        })
    };
    rows.iter().map(claim).collect()
}

/// LIMIT: a thousand years, so that the end of a lease is a time still.
const MICROS_MAX: i64 = 1_000 * 366 * 86_400 * 1_000_000;

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX).min(MICROS_MAX)
}
