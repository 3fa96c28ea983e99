//! Who runs a subscription, and for how long.

use std::time::Duration;

use ensue::Position;
use ensue::store::columns::{Numbered, position};
use ensue::subscription::{Claim, Epoch, TakeOver};
use sqlx::mysql::MySqlRow;
use sqlx::{MySqlConnection, Row};

use crate::sql::sql;

/// Makes the rows of a subscription that has none. A type that is new ends the epoch of whoever
/// owns it.
///
/// ORDERING: the floor is locked first, so that nobody prunes what is needed from now on, and that those
/// who register at once do so one after the other.
pub(super) async fn register(
    connection: &mut MySqlConnection,
    subscription: &str,
    start: Option<Position>,
    event_types: &[&str],
) -> sqlx::Result<()> {
    sqlx::query(sql!("lock_floor")).fetch_all(&mut *connection).await?;
    let cursor = sqlx::query(sql!("register_cursor"))
        .bind(subscription)
        .bind(start.map(Position::number))
        .bind(subscription)
        .execute(&mut *connection)
        .await?;
    if cursor.rows_affected() > 0 {
        for statement in [sql!("register_owner"), sql!("register_lease")] {
            sqlx::query(statement).bind(subscription).execute(&mut *connection).await?;
        }
    }
    let mut new = 0;
    for event_type in event_types {
        let insert = sqlx::query(sql!("insert_event_type")).bind(subscription).bind(event_type);
        let insert = insert.bind(subscription).bind(event_type);
        new += insert.execute(&mut *connection).await?.rows_affected();
    }
    if new > 0 {
        for statement in [sql!("end_epoch"), sql!("end_lease_of_epoch")] {
            sqlx::query(statement).bind(subscription).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// The answer to `owner` while the lease of another one runs.
pub(super) async fn held(
    connection: &mut MySqlConnection,
    subscription: &str,
    owner: &str,
) -> sqlx::Result<Option<TakeOver>> {
    let read = sqlx::query(sql!("read_running_lease")).bind(subscription).bind(owner);
    let rows = read.fetch_all(connection).await?;
    let Some(running) = rows.first() else { return Ok(None) };
    let remaining = Duration::from_micros(running.try_get::<i64, _>(1)?.unsigned_abs());
    Ok(Some(TakeOver::Held { owner: running.try_get(0)?, remaining }))
}

/// Waits for those who record under the owner's epoch, and lets no others begin; false if there is
/// no such subscription.
///
/// ORDERING: the owner's row first, as whoever ends an epoch does.
pub(super) async fn lock(
    connection: &mut MySqlConnection,
    subscription: &str,
) -> sqlx::Result<bool> {
    let mut is_there = false;
    for statement in [sql!("lock_owner"), sql!("lock_lease")] {
        let rows = sqlx::query(statement).bind(subscription).fetch_all(&mut *connection).await?;
        is_there = !rows.is_empty();
    }
    Ok(is_there)
}

/// Lets `owner` be among those who stand by for as long as its lease would have been.
pub(super) async fn stand_by(
    connection: &mut MySqlConnection,
    subscription: &str,
    owner: &str,
    length: Duration,
) -> sqlx::Result<()> {
    let stand_by = sqlx::query(sql!("stand_by")).bind(subscription).bind(owner);
    let stand_by = stand_by.bind(micros(length)).bind(micros(length));
    stand_by.execute(connection).await.map(drop)
}

/// What is known of a term as it begins, but for what there may be much of.
pub(super) struct Begun {
    pub(super) epoch: Epoch,
    pub(super) cursor: Position,
    pub(super) paused: bool,
    pub(super) is_handed_over: bool,
}

/// Begins the next epoch, and `owner`'s lease.
///
/// ORDERING: behind the [`lock`]. Who owned it before, and whether that one handed it over, is read before
/// it is written over.
pub(super) async fn start(
    connection: &mut MySqlConnection,
    subscription: &str,
    owner: &str,
    length: Duration,
) -> sqlx::Result<Begun> {
    let last = only_row(connection, sql!("read_last_lease"), subscription).await?;
    let is_handed_over = last.try_get::<&str, _>(1)? == owner || last.try_get::<i64, _>(2)? == 0;
    let epoch = last.try_get::<i64, _>(0)? + 1;
    let take_over = sqlx::query(sql!("take_over")).bind(epoch).bind(owner).bind(subscription);
    take_over.execute(&mut *connection).await?;
    let take_over = sqlx::query(sql!("take_over_lease")).bind(epoch).bind(micros(length));
    let take_over = take_over.bind(micros(length)).bind(subscription);
    take_over.execute(&mut *connection).await?;
    let forget = sqlx::query(sql!("forget_standbys")).bind(subscription).bind(owner);
    forget.execute(&mut *connection).await?;
    let term = only_row(connection, sql!("read_term"), subscription).await?;
    Ok(Begun {
        epoch: Epoch::new(epoch.unsigned_abs()),
        cursor: position(term.try_get(0)?),
        paused: term.try_get::<i64, _>(1)? != 0,
        is_handed_over,
    })
}

async fn only_row(
    connection: &mut MySqlConnection,
    statement: &'static str,
    subscription: &str,
) -> sqlx::Result<MySqlRow> {
    let rows = sqlx::query(statement).bind(subscription).fetch_all(connection).await?;
    rows.into_iter().next().ok_or(sqlx::Error::RowNotFound)
}

/// Whether `epoch` was there to have its lease changed.
pub(super) async fn change(
    connection: &mut MySqlConnection,
    subscription: &str,
    epoch: Epoch,
    length: Duration,
) -> sqlx::Result<bool> {
    let change = sqlx::query(sql!("change_lease")).bind(micros(length)).bind(micros(length));
    let change = change.bind(subscription).bind(epoch.number());
    Ok(change.execute(connection).await?.rows_affected() > 0)
}

/// The columns in the order of `sql/read_claims.sql`.
pub(super) fn claims(rows: &[MySqlRow]) -> sqlx::Result<Vec<Claim>> {
    let claim = |row: &MySqlRow| {
        Ok(Claim {
            subscription: row.try_get(0)?,
            owner: row.try_get(1)?,
            is_owner: row.try_get::<i64, _>(2)? != 0,
        })
    };
    rows.iter().map(claim).collect()
}

/// LIMIT: a thousand years, so that the end of a lease is a time still.
const MICROS_MAX: i64 = 1_000 * 366 * 86_400 * 1_000_000;

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX).min(MICROS_MAX)
}
