//! Who runs a subscription, and for how long.

use std::time::Duration;

use ensue::Timestamp;
use ensue::store::columns::Numbered;
use ensue::subscription::{Claim, Epoch, TakeOver};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};

/// The answer to `owner` while the lease of another one runs.
pub(super) async fn held(
    connection: &mut SqliteConnection,
    subscription: &str,
    owner: &str,
    now: Timestamp,
) -> sqlx::Result<Option<TakeOver>> {
    let running: Option<SqliteRow> = sqlx::query(include_str!("../sql/read_running_lease.sql"))
        .bind(subscription)
        .bind(owner)
        .bind(now.as_micros())
        .fetch_optional(connection)
        .await?;
    let Some(running) = running else { return Ok(None) };
    let until = Timestamp::from_micros(running.try_get(1)?);
    Ok(Some(TakeOver::Held { owner: running.try_get(0)?, remaining: until.since(now) }))
}

/// Lets `owner` be among those who stand by for as long as its `lease` would have been.
pub(super) async fn stand_by(
    connection: &mut SqliteConnection,
    subscription: &str,
    owner: &str,
    now: Timestamp,
    lease: Duration,
) -> sqlx::Result<()> {
    sqlx::query(include_str!("../sql/stand_by.sql"))
        .bind(subscription)
        .bind(owner)
        .bind(now.plus(lease).as_micros())
        .bind(micros(lease))
        .execute(connection)
        .await
        .map(drop)
}

/// Who owns and who stands by for which subscription.
pub(super) async fn claims(pool: &SqlitePool, now: Timestamp) -> sqlx::Result<Vec<Claim>> {
    let rows = sqlx::query(include_str!("../sql/read_claims.sql"))
        .bind(now.as_micros())
        .fetch_all(pool)
        .await?;
    let claim = |row: &SqliteRow| {
        Ok(Claim {
            subscription: row.try_get(0)?,
            owner: row.try_get(1)?,
            is_owner: row.try_get(2)?,
        })
    };
    rows.iter().map(claim).collect()
}

/// Whether the owner before `owner`, if there was one, has left nothing half done.
///
/// ORDERING: before [`start`], which writes over what this reads.
pub(super) async fn is_handed_over(
    connection: &mut SqliteConnection,
    subscription: &str,
    owner: &str,
) -> sqlx::Result<bool> {
    let last: Option<SqliteRow> = sqlx::query(include_str!("../sql/read_last_lease.sql"))
        .bind(subscription)
        .fetch_optional(connection)
        .await?;
    let Some(last) = last else { return Ok(true) };
    Ok(last.try_get::<&str, _>(0)? == owner || last.try_get::<i64, _>(1)? == 0)
}

/// Begins the next epoch, and `owner`'s lease.
pub(super) async fn start(
    connection: &mut SqliteConnection,
    subscription: &str,
    owner: &str,
    now: Timestamp,
    lease: Duration,
) -> sqlx::Result<Epoch> {
    let epoch: i64 = sqlx::query_scalar(include_str!("../sql/take_over.sql"))
        .bind(subscription)
        .bind(owner)
        .bind(now.as_micros())
        .fetch_one(&mut *connection)
        .await?;
    sqlx::query(include_str!("../sql/start_lease.sql"))
        .bind(subscription)
        .bind(now.plus(lease).as_micros())
        .bind(micros(lease))
        .execute(&mut *connection)
        .await?;
    sqlx::query(include_str!("../sql/forget_standbys.sql"))
        .bind(subscription)
        .bind(owner)
        .bind(now.as_micros())
        .execute(connection)
        .await?;
    Ok(Epoch::new(epoch.unsigned_abs()))
}

/// Whether `epoch` was there to have its lease changed.
pub(super) async fn change(
    connection: &mut SqliteConnection,
    subscription: &str,
    epoch: Epoch,
    now: Timestamp,
    lease: Duration,
) -> sqlx::Result<bool> {
    let changed = sqlx::query(include_str!("../sql/change_lease.sql"))
        .bind(subscription)
        .bind(epoch.number())
        .bind(now.plus(lease).as_micros())
        .bind(micros(lease))
        .execute(connection)
        .await?;
    Ok(changed.rows_affected() > 0)
}

/// The owner whose lease runs.
pub(super) async fn owner(
    connection: &mut SqliteConnection,
    subscription: &str,
    now: Timestamp,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(include_str!("../sql/read_owner.sql"))
        .bind(subscription)
        .bind(now.as_micros())
        .fetch_optional(connection)
        .await
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
