//! Opening a database file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ensue::Error;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use tokio::sync::Semaphore;

use crate::error::failed;
use crate::migrate;
use crate::wal_file::WalFile;

/// LIMIT: readers of the log and of the domain; more only contend for two or three cores' caches.
const READERS_MAX: u32 = 4;

/// LIMIT: how long a unit of work waits for the only writer. Whoever holds it that long is stuck.
pub(crate) const WRITER_WAIT_MAX: Duration = Duration::from_secs(30);

/// A SQLite database file as a store.
///
/// A handle: clones are cheap and share the connections.
#[derive(Clone)]
pub struct SqliteStore(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) path: PathBuf,
    /// Of one connection: the only one of this process that writes.
    pub(crate) writer: SqlitePool,
    /// Whose turn it is to ask for the write lock, in the order of asking.
    pub(crate) turn: Semaphore,
    pub(crate) readers: SqlitePool,
    pub(crate) wal_file: WalFile,
}

impl SqliteStore {
    /// Opens the database file at `path`, made if there is none, and brings our tables up to date.
    ///
    /// # Errors
    /// The file cannot be opened or written, is no SQLite database, is in memory or not in UTF-8,
    /// or was migrated by a newer version.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(SqliteConnectOptions::new().filename(path)).await
    }

    /// As [`open`](Self::open), with the driver's own options: another `synchronous`, extensions,
    /// pragmas. The journal mode is WAL and the file is made if there is none, whatever they say.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(options: SqliteConnectOptions) -> Result<Self, Error> {
        let path = options.get_filename().to_owned();
        refuse_memory(&path)?;
        let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let writer = open_writer(options.clone())
            .await
            .map_err(failed(|| format!("cannot open database `{}`", path.display())))?;
        check_encoding(&path, &writer).await?;
        let turn = Semaphore::new(1);
        migrate::run(&path, &writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options.read_only(true).create_if_missing(false));
        let wal_file = WalFile::beside(&path);
        Ok(Self(Arc::new(Inner { path, writer, turn, readers, wal_file })))
    }

    /// Read-only connections, for queries that need no unit of work. They see what is committed.
    pub fn reader(&self) -> &SqlitePool {
        &self.0.readers
    }

    /// Closes the connections, once those in use have been given back; the last store on a file
    /// takes its write-ahead log along. Nothing is lost without it.
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.writer.close().await;
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.0.path).finish_non_exhaustive()
    }
}

async fn open_writer(options: SqliteConnectOptions) -> sqlx::Result<SqlitePool> {
    SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(WRITER_WAIT_MAX)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        // While it connects, other processes may be connecting too, which SQLite settles by its
        // own waiting. That waiting starves all processes but one of the write lock, so from then
        // on it is done without: see `transactions`.
        .after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::raw_sql("PRAGMA busy_timeout = 0").execute(connection).await.map(drop)
            })
        })
        .connect_with(options)
        .await
}

/// Each connection to `:memory:` is a database by itself: a reader would see nothing.
fn refuse_memory(path: &Path) -> Result<(), Error> {
    let name = path.to_string_lossy();
    if name.is_empty() || name.contains(":memory:") || name.contains("mode=memory") {
        return Err(Error::configuration(
            "a database in memory cannot be a store, since its readers need connections of their \
             own; open a file in a temporary directory",
        ));
    }
    Ok(())
}

/// In UTF-16 a payload would not come back byte for byte.
async fn check_encoding(path: &Path, writer: &SqlitePool) -> Result<(), Error> {
    let encoding: String = sqlx::query_scalar("PRAGMA encoding")
        .fetch_one(writer)
        .await
        .map_err(failed(|| format!("cannot read database `{}`", path.display())))?;
    if encoding == "UTF-8" {
        return Ok(());
    }
    let path = path.display();
    Err(Error::configuration(format!(
        "database `{path}` is in {encoding}; a store needs one made with PRAGMA encoding = 'UTF-8'"
    )))
}
