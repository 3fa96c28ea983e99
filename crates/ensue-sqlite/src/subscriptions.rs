//! Owners, leases, cursors and what is set aside.

use std::time::{Duration, SystemTime};

use ensue::subscription::{
    Change, Epoch, Failure, SetAside, SetAsideState, SubscriptionStatus, TakeOver, Term,
};
use ensue::{BoxError, Error, Position, Start, Subscriptions, Timestamp, Transactions};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Row, Sqlite, SqliteConnection};

use crate::SqliteStore;
use crate::error::failed;

type Statement<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

impl Subscriptions for SqliteStore {
    async fn register(&self, subscription: &str, start: Start) -> Result<(), Error> {
        let what = || format!("cannot register subscription `{subscription}`");
        let statement = match start {
            Start::Head => include_str!("sql/register_at_head.sql"),
            Start::Beginning => include_str!("sql/register_at_beginning.sql"),
        };
        let mut transaction = self.begin().await?;
        sqlx::query(statement)
            .bind(subscription)
            .bind(now().as_micros())
            .execute(&mut *transaction)
            .await
            .map_err(failed(what))?;
        transaction.commit().await.map_err(failed(what))
    }

    async fn take_over(
        &self,
        subscription: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<TakeOver, Error> {
        let what = || format!("cannot take over subscription `{subscription}`");
        let mut transaction = self.begin().await?;
        let now = now();
        let held: Option<SqliteRow> = sqlx::query(include_str!("sql/read_running_lease.sql"))
            .bind(subscription)
            .bind(owner)
            .bind(now.as_micros())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed(what))?;
        if let Some(row) = held {
            return held_by(&row, now).map_err(failed(what));
        }
        let epoch: i64 = sqlx::query_scalar(include_str!("sql/take_over.sql"))
            .bind(subscription)
            .bind(owner)
            .bind(now.as_micros())
            .fetch_one(&mut *transaction)
            .await
            .map_err(failed(what))?;
        sqlx::query(include_str!("sql/start_lease.sql"))
            .bind(subscription)
            .bind(now.plus(lease).as_micros())
            .bind(micros(lease))
            .execute(&mut *transaction)
            .await
            .map_err(failed(what))?;
        let cursor = read_cursor(&mut transaction, subscription).await.map_err(failed(what))?;
        let cursor = cursor.ok_or_else(|| unregistered(subscription))?;
        let set_aside = read_set_aside(&mut transaction, subscription).await?;
        transaction.commit().await.map_err(failed(what))?;
        Ok(TakeOver::Granted(Term { epoch: Epoch::new(epoch.unsigned_abs()), cursor, set_aside }))
    }

    async fn renew(
        &self,
        subscription: &str,
        epoch: Epoch,
        lease: Duration,
    ) -> Result<bool, Error> {
        self.change_lease(subscription, epoch, lease).await
    }

    async fn release(&self, subscription: &str, epoch: Epoch) -> Result<(), Error> {
        self.change_lease(subscription, epoch, Duration::ZERO).await.map(drop)
    }

    async fn record(
        &self,
        transaction: &mut Self::Transaction,
        subscription: &str,
        epoch: Epoch,
        changes: &[Change],
    ) -> Result<(), Error> {
        let now = now();
        // Most progress is the cursor's alone, and its statement looks at the owner by itself.
        if !matches!(changes, [Change::Advance { .. }]) {
            check_owner(transaction, subscription, epoch).await?;
        }
        for change in changes {
            let changed = statement(subscription, epoch, change, now)
                .execute(&mut **transaction)
                .await
                .map_err(failed(|| format!("cannot record progress of `{subscription}`")))?
                .rows_affected();
            if changed == 0 {
                check_owner(transaction, subscription, epoch).await?;
                let what = format!("cannot record progress of `{subscription}`");
                let why = format!("there is nothing for {change:?} to change");
                return Err(Error::store(what, why, false));
            }
        }
        Ok(())
    }

    async fn status(&self, subscription: &str) -> Result<Option<SubscriptionStatus>, Error> {
        let what = || format!("cannot read where subscription `{subscription}` stands");
        // One transaction, so that cursor and what is set aside are of one moment.
        let mut transaction = self.reader().begin().await.map_err(failed(what))?;
        let cursor = read_cursor(&mut transaction, subscription).await.map_err(failed(what))?;
        let Some(cursor) = cursor else { return Ok(None) };
        let set_aside = read_set_aside(&mut transaction, subscription).await?;
        let owner = sqlx::query_scalar(include_str!("sql/read_owner.sql"))
            .bind(subscription)
            .bind(now().as_micros())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed(what))?;
        Ok(Some(SubscriptionStatus { cursor, set_aside, owner }))
    }
}

impl SqliteStore {
    /// Whether `epoch` was there to have its lease changed.
    async fn change_lease(
        &self,
        subscription: &str,
        epoch: Epoch,
        lease: Duration,
    ) -> Result<bool, Error> {
        let what = || format!("cannot change the lease of subscription `{subscription}`");
        let mut transaction = self.begin().await?;
        let changed = sqlx::query(include_str!("sql/change_lease.sql"))
            .bind(subscription)
            .bind(epoch_number(epoch))
            .bind(now().plus(lease).as_micros())
            .bind(micros(lease))
            .execute(&mut *transaction)
            .await
            .map_err(failed(what))?
            .rows_affected();
        transaction.commit().await.map_err(failed(what))?;
        Ok(changed > 0)
    }
}

/// The fence. The transaction holds the write lock, so no take-over can come before its commit.
async fn check_owner(
    connection: &mut SqliteConnection,
    subscription: &str,
    epoch: Epoch,
) -> Result<(), Error> {
    let owned = sqlx::query(include_str!("sql/check_owner.sql"))
        .bind(subscription)
        .bind(epoch_number(epoch))
        .fetch_optional(connection)
        .await
        .map_err(failed(|| format!("cannot read who owns subscription `{subscription}`")))?;
    owned.map(drop).ok_or_else(|| Error::fenced(subscription, epoch.get()))
}

fn statement<'q>(
    subscription: &'q str,
    epoch: Epoch,
    change: &'q Change,
    now: Timestamp,
) -> Statement<'q> {
    match change {
        Change::Advance { to } => sqlx::query(include_str!("sql/advance_cursor.sql"))
            .bind(subscription)
            .bind(position_number(*to))
            .bind(now.as_micros())
            .bind(epoch_number(epoch)),
        Change::Settle { position } => sqlx::query(include_str!("sql/settle.sql"))
            .bind(subscription)
            .bind(position_number(*position)),
        Change::SetAside(entry) => sqlx::query(include_str!("sql/set_aside.sql"))
            .bind(subscription)
            .bind(position_number(entry.position))
            .bind(entry.key.as_deref())
            .bind(entry.state.name())
            .bind(entry.attempts)
            .bind(entry.state.next_attempt_at().map(Timestamp::as_micros))
            .bind(entry.failure.as_ref().map(|failure| failure.class.name()))
            .bind(entry.failure.as_ref().map(|failure| failure.message.as_str()))
            .bind(now.as_micros()),
    }
}

async fn read_cursor(
    connection: &mut SqliteConnection,
    subscription: &str,
) -> sqlx::Result<Option<Position>> {
    let cursor: Option<i64> = sqlx::query_scalar(include_str!("sql/read_cursor.sql"))
        .bind(subscription)
        .fetch_optional(connection)
        .await?;
    Ok(cursor.map(|position| Position::new(position.unsigned_abs())))
}

async fn read_set_aside(
    connection: &mut SqliteConnection,
    subscription: &str,
) -> Result<Vec<SetAside>, Error> {
    let what = || format!("cannot read what subscription `{subscription}` has set aside");
    let rows = sqlx::query(include_str!("sql/read_set_aside.sql"))
        .bind(subscription)
        .fetch_all(connection)
        .await
        .map_err(failed(what))?;
    let entries = rows.iter().map(set_aside).collect::<Result<_, _>>();
    entries.map_err(|error| Error::store(what(), error, false))
}

/// The columns in the order of `sql/read_set_aside.sql`.
fn set_aside(row: &SqliteRow) -> Result<SetAside, BoxError> {
    let state: &str = row.try_get(2)?;
    let next_attempt_at = row.try_get::<Option<i64>, _>(4)?.map(Timestamp::from_micros);
    Ok(SetAside {
        position: Position::new(u64::try_from(row.try_get::<i64, _>(0)?)?),
        key: row.try_get(1)?,
        state: SetAsideState::from_parts(state, next_attempt_at)
            .ok_or_else(|| format!("`{state}` with {next_attempt_at:?} is no state"))?,
        attempts: row.try_get(3)?,
        failure: failure(row.try_get(5)?, row.try_get(6)?)?,
    })
}

fn failure(class: Option<&str>, message: Option<&str>) -> Result<Option<Failure>, BoxError> {
    let Some(class) = class else { return Ok(None) };
    Ok(Some(Failure { class: class.parse()?, message: message.unwrap_or_default().to_owned() }))
}

fn held_by(row: &SqliteRow, now: Timestamp) -> sqlx::Result<TakeOver> {
    let until = Timestamp::from_micros(row.try_get(1)?);
    Ok(TakeOver::Held { owner: row.try_get(0)?, remaining: until.since(now) })
}

fn unregistered(subscription: &str) -> Error {
    Error::configuration(format!("subscription `{subscription}` was never registered"))
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn epoch_number(epoch: Epoch) -> i64 {
    i64::try_from(epoch.get()).unwrap_or(i64::MAX)
}

fn position_number(position: Position) -> i64 {
    i64::try_from(position.get()).unwrap_or(i64::MAX)
}

/// The database's clock: the one of its machine, which all its processes share.
fn now() -> Timestamp {
    SystemTime::now().into()
}
