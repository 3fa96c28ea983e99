//! SQLite: any number of processes on one file.

use std::path::PathBuf;
use std::time::Duration;

use ensue::{BoxError, Transactions};
use ensue_sqlite::SqliteStore;
use fastrand::Rng;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::arena::Arena;
use crate::backend::Backend;
use crate::evidence::Witness;
use crate::ours::Ours;

/// SQLite. Its address is a path.
#[derive(Debug)]
pub enum Sqlite {}

const TABLES: &str = "
    CREATE TABLE hot (key INTEGER PRIMARY KEY, number INTEGER NOT NULL) STRICT;
    CREATE TABLE noise (writer INTEGER PRIMARY KEY, number INTEGER NOT NULL) STRICT;";

impl Backend for Sqlite {
    type Store = SqliteStore;

    /// Whoever is in a transaction is the only one.
    const LONGEST_HOLD: Duration = Duration::from_millis(3);

    /// A killed process loses nothing that it gave to the kernel, so the disk need not be waited for.
    async fn open(address: &str) -> Result<SqliteStore, BoxError> {
        let options = SqliteConnectOptions::new().filename(address);
        Ok(SqliteStore::open_with(options.synchronous(SqliteSynchronous::Normal)).await?)
    }

    async fn prepare(store: &SqliteStore) -> Result<(), BoxError> {
        let mut transaction = store.begin().await?;
        sqlx::raw_sql(TABLES).execute(&mut *transaction).await?;
        Ok(store.commit(transaction).await?)
    }

    async fn touch(connection: &mut SqliteConnection, writer: u16) -> Result<(), BoxError> {
        let write = "INSERT INTO noise VALUES (?, 1)
            ON CONFLICT (writer) DO UPDATE SET number = number + 1";
        sqlx::query(write).bind(writer).execute(connection).await?;
        Ok(())
    }

    async fn lock(connection: &mut SqliteConnection, key: u16) -> Result<u32, BoxError> {
        let lock = "INSERT INTO hot VALUES (?, 1)
            ON CONFLICT (key) DO UPDATE SET number = number + 1 RETURNING number";
        Ok(sqlx::query_scalar(lock).bind(key).fetch_one(connection).await?)
    }
}

/// A file in a temporary directory.
#[derive(Debug)]
pub struct SqliteArena {
    directory: TempDir,
    holding: JoinSet<Result<(), BoxError>>,
}

/// LIMIT: how long a checkpoint waits for readers; after that it has done as much as it could.
const BUSY_MAX: Duration = Duration::from_millis(50);

/// LIMIT: how long a snapshot is held; the write-ahead log grows meanwhile.
const SNAPSHOT_MAX_MS: u64 = 1_000;

impl SqliteArena {
    /// A new one.
    ///
    /// # Errors
    /// There can be no temporary directory.
    pub fn new() -> Result<Self, BoxError> {
        Ok(Self { directory: tempfile::tempdir()?, holding: JoinSet::new() })
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("torture.db")
    }

    async fn connect(&self) -> Result<SqliteConnection, BoxError> {
        let options = SqliteConnectOptions::new().filename(self.path()).busy_timeout(BUSY_MAX);
        Ok(SqliteConnection::connect_with(&options).await?)
    }
}

impl Arena for SqliteArena {
    type Defendant = Ours<Sqlite>;

    fn address(&self) -> String {
        self.path().to_string_lossy().into_owned()
    }

    async fn strike(&mut self, rng: &mut Rng, _: &Witness) -> Result<&'static str, BoxError> {
        let mut connection = self.connect().await?;
        if rng.bool() {
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await?;
            return Ok("checkpoints forced");
        }
        let hold = Duration::from_millis(rng.u64(..SNAPSHOT_MAX_MS));
        self.holding.spawn(async move {
            let mut snapshot = connection.begin().await?;
            sqlx::query("SELECT count(*) FROM hot").execute(&mut *snapshot).await?;
            tokio::time::sleep(hold).await;
            Ok(snapshot.rollback().await?)
        });
        Ok("snapshots held")
    }

    async fn relent(&mut self) -> Result<(), BoxError> {
        while let Some(held) = self.holding.join_next().await {
            held??;
        }
        Ok(())
    }
}
