//! What is PostgreSQL's own about subscriptions: the fence, and partitions that are pruned.

mod retention;
mod set_aside;

use std::time::Duration;

use ensue::store::columns::SetAsideColumns;
use ensue::store::sql::{Call, Purpose, SqlStore, SqlSubscriptions};
use ensue::subscription::{Pruned, Unhandled};
use ensue::{Error, Position};
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{Connection, PgConnection, Row, SqlSafeStr};

use crate::PostgresStore;
use crate::connections;
use crate::error::{driver_error, failed, is_aborted, is_stale_lock};
use crate::schema::Schema;
use crate::sql::PostgresRow;
use crate::store::Inner;
use crate::transaction::PostgresTransaction;
use crate::transactions::{ENDED, over};
use retention::Step;
use set_aside::SetAsideRows;

/// A connection in a transaction, and whose tables its statements are for.
pub(crate) struct Open<'c> {
    connection: &'c mut PgConnection,
    schema: &'c Schema,
    is_prepared: bool,
}

/// LIMIT: how often it is tried to drop a partition that somebody reads. A page of the log takes
/// milliseconds; a backup may take hours, and is not waited for.
const DROP_TRIES: u32 = 10;

/// In which all those go on who had to wait for the last one.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

pub(crate) type Statement<'q> = Query<'q, Postgres, PgArguments>;

impl Open<'_> {
    /// Whether the transaction is still the one that was begun.
    async fn is_open(&mut self) -> sqlx::Result<bool> {
        let verify = self.query(include_str!("sql/verify.sql"));
        let verified = self.fetch_optional(verify).await?;
        verified.map_or(Ok(false), |row| row.try_get(0))
    }

    pub(crate) fn query(&self, statement: &'static str) -> Statement<'static> {
        sqlx::query(self.schema.sql(statement)).persistent(self.is_prepared)
    }

    pub(crate) fn query_with(
        &self,
        statement: &'static str,
        arguments: PgArguments,
    ) -> Statement<'static> {
        sqlx::query_with(self.schema.sql(statement), arguments).persistent(self.is_prepared)
    }

    pub(crate) async fn execute(&mut self, statement: Statement<'_>) -> sqlx::Result<u64> {
        Ok(statement.execute(&mut *self.connection).await?.rows_affected())
    }

    pub(crate) async fn fetch_all(&mut self, statement: Statement<'_>) -> sqlx::Result<Vec<PgRow>> {
        statement.fetch_all(&mut *self.connection).await
    }

    pub(crate) async fn fetch_optional(
        &mut self,
        statement: Statement<'_>,
    ) -> sqlx::Result<Option<PgRow>> {
        statement.fetch_optional(&mut *self.connection).await
    }
}

impl SqlSubscriptions for PostgresStore {
    async fn fetch_at_once(
        &self,
        [one, other]: [Call<'_, &'static str>; 2],
    ) -> Result<[Vec<PostgresRow>; 2], Error> {
        let begin = include_str!("sql/begin_reading.sql").into_sql_str();
        let begin = connections::begin(self.inner().own.of(Purpose::Reading), begin).await;
        let mut transaction = PostgresTransaction::new(begin.map_err(failed(one.what))?);
        let one = self.fetch(&mut transaction, one).await?;
        let other = self.fetch(&mut transaction, other).await?;
        self.commit_own(transaction).await?;
        Ok([one, other])
    }

    /// The driver rolls it back if its own begin was dropped half-way.
    fn check_open(&self, transaction: &PostgresTransaction) -> Result<(), Error> {
        match transaction.is_in_transaction() {
            true => Ok(()),
            false => Err(over(ENDED)),
        }
    }

    /// The fence lets nobody through whose transaction is over.
    async fn refused(&self, transaction: &mut PostgresTransaction, fenced: Error) -> Error {
        let what = || "cannot see whether the transaction is open".to_owned();
        match self.open_in(transaction).is_open().await {
            Ok(true) => fenced,
            Ok(false) => over(ENDED),
            Err(error) => failed(what)(error),
        }
    }

    fn not_recorded(error: Error, fenced: Error) -> Error {
        match driver_error(&error) {
            Some(driver) if is_stale_lock(driver) => fenced,
            Some(driver) if is_aborted(driver) => over(error),
            _ => error,
        }
    }

    async fn set_aside_all(
        &self,
        transaction: &mut PostgresTransaction,
        subscription: &str,
        entries: Vec<SetAsideColumns>,
    ) -> Result<u64, Error> {
        let what = || format!("cannot set aside what `{subscription}` could not handle");
        let open = &mut self.open_in(transaction);
        let set_aside = open.query(include_str!("sql/set_aside.sql")).bind(subscription);
        let set_aside = SetAsideRows::of(entries).bind_to(set_aside);
        open.execute(set_aside).await.map_err(failed(what))
    }

    async fn prune_log(&self, up_to: Position, unhandled: Unhandled) -> Result<Pruned, Error> {
        let what = || format!("cannot prune the log up to position {up_to}");
        let mut tries = DROP_TRIES;
        loop {
            let begun = self.begin_short(Purpose::Change).await;
            let mut transaction = begun.map_err(failed(what))?;
            let open = &mut self.open_in(&mut transaction);
            match retention::step(open, up_to, unhandled).await.map_err(failed(what))? {
                Step::Forgot => transaction.commit().await.map_err(failed(what))?,
                Step::Done(pruned) => {
                    transaction.commit().await.map_err(failed(what))?;
                    return Ok(pruned);
                }
                Step::Held(pruned) => {
                    transaction.roll_back().await.map_err(failed(what))?;
                    tries -= 1;
                    if tries == 0 {
                        tracing::warn!(
                            "a long transaction reads the log: pruning goes on next time"
                        );
                        return Ok(pruned);
                    }
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
            }
        }
    }
}

impl PostgresStore {
    pub(crate) async fn begin_short(&self, purpose: Purpose) -> sqlx::Result<PostgresTransaction> {
        let begin = include_str!("sql/begin_own.sql").into_sql_str();
        let begun = connections::begin(self.inner().own.of(purpose), begin).await?;
        Ok(PostgresTransaction::new(begun))
    }

    pub(crate) fn open_in<'c>(&'c self, connection: &'c mut PgConnection) -> Open<'c> {
        let reader = &self.inner().reader;
        Open { connection, schema: &reader.schema, is_prepared: !reader.own.server().is_pooled }
    }

    pub(crate) async fn fetch_own(
        &self,
        purpose: Purpose,
        statement: &'static str,
        arguments: PgArguments,
    ) -> sqlx::Result<Vec<PgRow>> {
        let Inner { reader, own, .. } = self.inner();
        connections::fetch_all(own.of(purpose), reader.schema.sql(statement), arguments).await
    }
}
