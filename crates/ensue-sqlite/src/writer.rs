//! The only connection of this process that writes, and whose turn it is.
//!
//! INVARIANT: a connection that is put back is in no transaction. One of which that is not certain
//! is closed, which rolls back whatever it was in, and another is made.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

use crate::error::{is_busy, is_misuse};

/// LIMIT: how long a unit of work waits for the only writer. Whoever holds it that long is stuck.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(30);

pub(crate) struct Writer {
    options: SqliteConnectOptions,
    /// Held from before the wait for the slot until the slot is free again. So at most one task in line
    /// waits for the slot, behind those that go first.
    line: Arc<Mutex<()>>,
    slot: Arc<Mutex<Slot>>,
}

#[derive(Default)]
struct Slot {
    /// None at first, while it is in use, and after one was given up.
    connection: Option<SqliteConnection>,
    closed: bool,
}

/// An open transaction of SQLite's; it derefs to the connection.
///
/// Dropped without an end it is rolled back, before the connection serves anybody else.
pub struct SqliteTransaction(Option<Open>);

struct Open {
    connection: SqliteConnection,
    slot: OwnedMutexGuard<Slot>,
    is_verified: bool,
    /// `None` if the transaction went first.
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Writer {
    pub(crate) fn new(options: SqliteConnectOptions) -> Self {
        Self { options, line: Arc::default(), slot: Arc::default() }
    }

    /// From now on connects to the file that is at `path`, and makes none: another connection is for
    /// the same database, whatever became of the name under which it was opened.
    pub(crate) fn settle(self, path: &Path) -> Self {
        let options = self.options.filename(path).create_if_missing(false);
        Self { options, ..self }
    }

    /// Begins when it is this caller's turn, in the order of calls, and no other process writes.
    ///
    /// CANCEL-SAFE: dropped half-way, what may have begun is rolled back.
    pub(crate) async fn begin(&self) -> sqlx::Result<SqliteTransaction> {
        let turn = Arc::clone(&self.line).lock_owned().await;
        self.begin_with(Some(turn)).await
    }

    /// Like [`begin`](Self::begin), but right after the open transaction, ahead of the line.
    pub(crate) async fn begin_first(&self) -> sqlx::Result<SqliteTransaction> {
        self.begin_with(None).await
    }

    async fn begin_with(
        &self,
        turn: Option<OwnedMutexGuard<()>>,
    ) -> sqlx::Result<SqliteTransaction> {
        let mut slot = Arc::clone(&self.slot).lock_owned().await;
        if slot.closed {
            return Err(sqlx::Error::PoolClosed);
        }
        let connection = match slot.connection.take() {
            Some(connection) => connection,
            None => connect(&self.options).await?,
        };
        let open = Open { connection, slot, is_verified: false, _turn: turn };
        let mut transaction = SqliteTransaction(Some(open));
        let asked_at = Instant::now();
        while let Err(error) = sqlx::raw_sql(BEGIN).execute(&mut *transaction).await {
            if !is_busy(&error) || asked_at.elapsed() > WAIT_MAX {
                return Err(error);
            }
            wait_for_another_process().await;
        }
        Ok(transaction)
    }

    /// Whoever asks from now on is refused.
    pub(crate) async fn close(&self) -> sqlx::Result<()> {
        let _turn = self.line.lock().await;
        let mut slot = self.slot.lock().await;
        slot.closed = true;
        match slot.connection.take() {
            Some(connection) => connection.close().await,
            None => Ok(()),
        }
    }
}

/// IMMEDIATE, since a transaction that reads first and writes later would fail to upgrade. The
/// savepoint is gone if the transaction ever ends behind our back. `query_only` is reset, since a unit of
/// work may have set it.
const BEGIN: &str = "PRAGMA query_only = OFF; BEGIN IMMEDIATE; SAVEPOINT ensue_unit_of_work";

/// Fails if the transaction has ended.
pub(crate) const VERIFY: &str = "RELEASE ensue_unit_of_work";

/// Whether [`VERIFY`] has failed by this.
pub(crate) fn is_over(error: &sqlx::Error) -> bool {
    let database = error.as_database_error();
    database.is_some_and(|error| error.message().starts_with("no such savepoint"))
}

impl SqliteTransaction {
    /// Fails if the transaction is over. SQLite ends one by itself when a statement fails in some
    /// ways (`OR ROLLBACK`, `RAISE(ROLLBACK)`, a full disk), and then goes on in autocommit: what
    /// comes after is durable at once.
    pub(crate) async fn verify(&mut self) -> sqlx::Result<()> {
        match self.take_verification() {
            true => sqlx::query(VERIFY).execute(&mut **self).await.map(drop),
            false => Ok(()),
        }
    }

    /// Whether it still has to be verified: the caller does so, by running [`VERIFY`] first.
    pub(crate) fn take_verification(&mut self) -> bool {
        let open = self.0.as_mut();
        open.is_some_and(|open| !std::mem::replace(&mut open.is_verified, true))
    }

    pub(crate) async fn commit(mut self) -> sqlx::Result<()> {
        sqlx::query("COMMIT").execute(&mut *self).await?;
        if let Some(open) = self.0.take() {
            open.put_back();
        }
        Ok(())
    }

    pub(crate) async fn rollback(mut self) -> sqlx::Result<()> {
        match self.0.take() {
            Some(open) => open.rollback().await,
            None => Ok(()),
        }
    }
}

impl Open {
    async fn rollback(mut self) -> sqlx::Result<()> {
        match sqlx::query("ROLLBACK").execute(&mut self.connection).await {
            Ok(_) => self.put_back(),
            // There was none any more.
            Err(error) if is_misuse(&error) => self.put_back(),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn put_back(mut self) {
        self.slot.connection = Some(self.connection);
    }
}

impl Drop for SqliteTransaction {
    fn drop(&mut self) {
        // Without a runtime the connection is closed, which rolls back too.
        if let (Some(open), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async {
                if let Err(error) = open.rollback().await {
                    tracing::warn!(%error, "a connection that cannot roll back is closed");
                }
            });
        }
    }
}

impl Deref for SqliteTransaction {
    type Target = SqliteConnection;

    #[expect(clippy::expect_used, reason = "only what consumes it takes it")]
    fn deref(&self) -> &SqliteConnection {
        &self.0.as_ref().expect("the connection of an open transaction").connection
    }
}

impl DerefMut for SqliteTransaction {
    #[expect(clippy::expect_used, reason = "only what consumes it takes it")]
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.0.as_mut().expect("the connection of an open transaction").connection
    }
}

/// The switch to WAL does not wait for others who open the file at the same time, so we do.
async fn connect(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let asked_at = Instant::now();
    loop {
        match connect_once(options).await {
            Err(error) if is_busy(&error) && asked_at.elapsed() < WAIT_MAX => {
                wait_for_another_process().await;
            }
            answer => return answer,
        }
    }
}

/// From then on SQLite's own waiting is switched off: see [`wait_for_another_process`].
async fn connect_once(options: &SqliteConnectOptions) -> sqlx::Result<SqliteConnection> {
    let mut connection = SqliteConnection::connect_with(options).await?;
    sqlx::raw_sql("PRAGMA busy_timeout = 0").execute(&mut connection).await?;
    Ok(connection)
}

/// SQLite's own waiting sleeps longer at each try, so that among processes that write all the time
/// one gets everything. Short naps of random length share the lock out evenly. They are shorter
/// than the runtime's timer can tell apart, hence the thread.
async fn wait_for_another_process() {
    let nap = Duration::from_micros(fastrand::u64(150..350));
    let napped = tokio::task::spawn_blocking(move || std::thread::sleep(nap)).await;
    debug_assert!(napped.is_ok(), "a nap does not panic");
}

#[cfg(test)]
mod tests {
    use sqlx::sqlite::SqliteJournalMode;
    use tokio::task::JoinSet;

    use super::*;

    fn writer(folder: &tempfile::TempDir) -> Arc<Writer> {
        let options = SqliteConnectOptions::new().filename(folder.path().join("test.db"));
        let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        Arc::new(Writer::new(options))
    }

    /// Waits until `waiting` tasks have asked `writer`: each of them has a handle.
    async fn until_asked(writer: &Arc<Writer>, waiting: usize) {
        while Arc::strong_count(&writer.slot) + Arc::strong_count(&writer.line) < waiting {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_lease_goes_right_after_the_open_transaction_before_all_that_stand_in_line() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(&folder);
        let open = writer.begin().await.unwrap();
        let held = Arc::strong_count(&writer.slot) + Arc::strong_count(&writer.line);
        let mut turns = JoinSet::new();
        for name in ["one", "two", "three"] {
            let writer = Arc::clone(&writer);
            turns.spawn(async move { (name, writer.begin().await.unwrap()) });
        }
        until_asked(&writer, held + 3).await;
        turns.spawn({
            let writer = Arc::clone(&writer);
            async move { ("lease", writer.begin_first().await.unwrap()) }
        });
        until_asked(&writer, held + 4).await;
        open.commit().await.unwrap();
        let mut order = Vec::new();
        while let Some(turn) = turns.join_next().await {
            let (name, transaction) = turn.unwrap();
            order.push(name);
            transaction.rollback().await.unwrap();
        }
        assert_eq!(order, ["lease", "one", "two", "three"]);
    }
}
