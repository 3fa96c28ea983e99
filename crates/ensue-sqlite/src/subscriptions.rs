//! What is SQLite's own about subscriptions.

mod progress;
mod retention;
mod set_aside;

use std::time::SystemTime;

use ensue::store::columns::SetAsideColumns;
use ensue::store::sql::{Call, SqlSubscriptions};
use ensue::subscription::{Change, Epoch, Pruned, Unhandled};
use ensue::{Error, Position, Timestamp};

use crate::SqliteStore;
use crate::error::failed;
use crate::sql::{SqliteRow, Timed};
use crate::writer::SqliteTransaction;

impl SqlSubscriptions for SqliteStore {
    /// On a connection that reads, so that no handler is waited for.
    async fn fetch_at_once(
        &self,
        [one, other]: [Call<'_, Timed>; 2],
    ) -> Result<[Vec<SqliteRow>; 2], Error> {
        let mut transaction = self.0.state_readers.begin().await.map_err(failed(one.what))?;
        let one = Timed::fetch(one, &mut *transaction).await?;
        let other = Timed::fetch(other, &mut *transaction).await?;
        Ok([one, other])
    }

    /// The progress itself finds out.
    fn check_open(&self, _: &SqliteTransaction) -> Result<(), Error> {
        Ok(())
    }

    async fn refused(&self, _: &mut SqliteTransaction, fenced: Error) -> Error {
        fenced
    }

    /// The transaction holds the write lock, so that what it sees of the owner is so.
    fn not_recorded(error: Error, _: Error) -> Error {
        error
    }

    async fn record_changes(
        &self,
        transaction: &mut SqliteTransaction,
        subscription: &str,
        epoch: Epoch,
        changes: &[Change],
    ) -> Result<(), Error> {
        progress::record(self, transaction, subscription, epoch, changes).await
    }

    async fn set_aside_all(
        &self,
        transaction: &mut SqliteTransaction,
        subscription: &str,
        entries: Vec<SetAsideColumns>,
    ) -> Result<u64, Error> {
        let what = || format!("cannot set aside what `{subscription}` could not handle");
        set_aside::write(transaction, subscription, entries).await.map_err(failed(what))
    }

    async fn prune_log(&self, up_to: Position, unhandled: Unhandled) -> Result<Pruned, Error> {
        self.prune_in_steps(up_to, unhandled).await
    }
}

/// The database's clock: the one of its machine, which all its processes share.
pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}
