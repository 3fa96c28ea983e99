//! What is MySQL's own about subscriptions.

mod retention;
mod set_aside;

use ensue::store::columns::SetAsideColumns;
use ensue::store::sql::{Call, Purpose, SqlStore, SqlSubscriptions};
use ensue::subscription::{Pruned, Unhandled};
use ensue::{Error, Position};
use sqlx::mysql::{MySql, MySqlArguments, MySqlRow};
use sqlx::query::Query;

use crate::MysqlStore;
use crate::connections;
use crate::error::{driver_error, failed, is_stale_lock};
use crate::sql::{MysqlRow, Numbered, sql};
use crate::transaction::MysqlTransaction;

type Statement<'q> = Query<'q, MySql, MySqlArguments>;

impl SqlSubscriptions for MysqlStore {
    async fn fetch_at_once(
        &self,
        [one, other]: [Call<'_, Numbered>; 2],
    ) -> Result<[Vec<MysqlRow>; 2], Error> {
        let connections = self.inner().own.of(Purpose::Reading);
        let begin = connections::begin(connections, sql!("begin_reading")).await;
        let mut transaction = MysqlTransaction::new(begin.map_err(failed(one.what))?);
        let one = self.fetch(&mut transaction, one).await?;
        let other = self.fetch(&mut transaction, other).await?;
        self.commit_own(transaction).await?;
        Ok([one, other])
    }

    fn check_open(&self, transaction: &MysqlTransaction) -> Result<(), Error> {
        transaction.check()
    }

    /// Whether it is over the commit finds out.
    async fn refused(&self, _: &mut MysqlTransaction, fenced: Error) -> Error {
        fenced
    }

    fn not_recorded(error: Error, fenced: Error) -> Error {
        match driver_error(&error) {
            Some(driver) if is_stale_lock(driver) => fenced,
            _ => error,
        }
    }

    async fn set_aside_all(
        &self,
        transaction: &mut MysqlTransaction,
        subscription: &str,
        entries: Vec<SetAsideColumns>,
    ) -> Result<u64, Error> {
        let what = || format!("cannot set aside what `{subscription}` could not handle");
        set_aside::insert(transaction, subscription, &entries).await.map_err(failed(what))
    }

    async fn prune_log(&self, up_to: Position, unhandled: Unhandled) -> Result<Pruned, Error> {
        let what = || format!("cannot prune the log up to position {up_to}");
        loop {
            let begun = self.begin_short(Purpose::Change).await;
            let mut transaction = begun.map_err(failed(what))?;
            let step = retention::step(&mut transaction, up_to, unhandled).await;
            let step = step.map_err(failed(what))?;
            transaction.commit().await?;
            if let Some(pruned) = step {
                return Ok(pruned);
            }
        }
    }
}

impl MysqlStore {
    pub(crate) async fn begin_short(&self, purpose: Purpose) -> sqlx::Result<MysqlTransaction> {
        let begin = sql!("begin");
        let begun = connections::begin(self.inner().own.of(purpose), begin).await?;
        Ok(MysqlTransaction::new(begun))
    }

    pub(crate) async fn fetch_own(
        &self,
        purpose: Purpose,
        statement: &'static str,
        arguments: MySqlArguments,
    ) -> sqlx::Result<Vec<MySqlRow>> {
        connections::fetch_all(self.inner().own.of(purpose), statement, arguments).await
    }
}
