//! Opening a database file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ensue::Error;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{SqliteConnection, SqlitePool};

use crate::error::failed;
use crate::migrate;
use crate::wal_file::WalFile;
use crate::writer::Writer;

/// LIMIT: readers of the domain's tables; more only contend for two or three cores' caches.
const READERS_MAX: u32 = 4;

/// LIMIT: readers of the log. Pages are short, and on one connection the next one finds its cache.
const LOG_READERS_MAX: u32 = 1;

/// LIMIT: readers of subscriptions and dead letters. Reading many entries that are set aside must not
/// block the log.
const STATE_READERS_MAX: u32 = 2;

/// LIMIT: readers of owners and standbys, which each renewal reads.
const LEASE_READERS_MAX: u32 = 1;

/// A SQLite database file as a store.
///
/// A handle: clones are cheap and share the connections.
#[derive(Clone)]
pub struct SqliteStore(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) path: PathBuf,
    pub(crate) writer: Writer,
    /// The domain's, which may keep them for as long as they like.
    readers: SqlitePool,
    /// Ours, so that nobody else's long query holds up the forwarder or the feed.
    pub(crate) log_reader: SqlitePool,
    pub(crate) state_readers: SqlitePool,
    /// Separate, since a late answer here ends a term.
    pub(crate) lease_reader: SqlitePool,
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
        let options = options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        Self::open_as(options, Access::ToWrite).await
    }

    /// Opens the database file at `path` read-only: for a feed, or to inspect it. Creates and migrates
    /// nothing; units of work and subscriptions fail.
    ///
    /// The directory must still be writable unless another process has the database open: SQLite keeps an
    /// index of the write-ahead log there.
    ///
    /// # Errors
    /// The file does not exist, is not an SQLite database in UTF-8, or was not migrated by this version.
    pub async fn open_read_only(path: impl AsRef<Path>) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        Self::open_as(options, Access::ToRead).await
    }

    async fn open_as(options: SqliteConnectOptions, access: Access) -> Result<Self, Error> {
        let path = options.get_filename().to_owned();
        refuse_memory(&path)?;
        let what = || format!("cannot open database `{}`", path.display());
        let writer = Writer::new(options.clone());
        let mut transaction = writer.begin().await.map_err(failed(what))?;
        // SQLite keeps its files beside what a link points to, and so must we find them, also if
        // the working directory changes.
        let path = path.canonicalize().map_err(|error| Error::store(what(), error, true))?;
        check_encoding(&path, &mut transaction).await?;
        match access {
            Access::ToWrite => migrate::run(&path, &mut transaction).await?,
            Access::ToRead => migrate::check(&path, &mut transaction).await?,
        }
        transaction.commit().await.map_err(failed(what))?;
        let options = options.filename(&path).read_only(true).create_if_missing(false);
        Ok(Self(Arc::new(Inner {
            writer: writer.settle(&path),
            readers: open_readers(READERS_MAX, options.clone()),
            log_reader: open_readers(LOG_READERS_MAX, options.clone()),
            state_readers: open_readers(STATE_READERS_MAX, options.clone()),
            lease_reader: open_readers(LEASE_READERS_MAX, options),
            wal_file: WalFile::beside(&path),
            path,
        })))
    }

    /// Read-only connections, for queries that need no unit of work. They see what is committed.
    /// Long ones hold up neither units of work nor the forwarder.
    pub fn reader(&self) -> &SqlitePool {
        &self.0.readers
    }

    /// Closes the connections, once those in use have been given back; the last store on a file
    /// takes its write-ahead log along. Nothing is lost without it.
    pub async fn close(&self) {
        let Inner { readers, log_reader, state_readers, lease_reader, .. } = &*self.0;
        for pool in [readers, log_reader, state_readers, lease_reader] {
            pool.close().await;
        }
        if let Err(error) = self.0.writer.close().await {
            tracing::warn!(%error, "cannot close the connection that writes");
        }
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

enum Access {
    ToWrite,
    ToRead,
}

fn open_readers(connections: u32, options: SqliteConnectOptions) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options)
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
pub(crate) async fn check_encoding(
    path: &Path,
    connection: &mut SqliteConnection,
) -> Result<(), Error> {
    let encoding: String = sqlx::query_scalar("PRAGMA encoding")
        .fetch_one(connection)
        .await
        .map_err(failed(|| format!("cannot read database `{}`", path.display())))?;
    if encoding == "UTF-8" {
        return Ok(());
    }
    let path = path.display();
    Err(Error::configuration(format!(
        "database `{path}` is in {encoding}, and must be one made with PRAGMA encoding = 'UTF-8'"
    )))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ensue::subscription::{Start, TakeOver};
    use ensue::{AnyEvent, BoxError, Log, Subscriptions};

    use super::*;
    use crate::Events;

    /// This holds for any number of readers, however long their pages take.
    #[tokio::test]
    async fn leases_are_kept_and_taken_while_every_connection_for_reading_is_busy() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("test.db")).await.unwrap();
        store.register("refunds", Start::Beginning, &[]).await.unwrap();
        let Inner { readers, log_reader, state_readers, .. } = &*store.0;
        let mut busy = Vec::new();
        for pool in [readers, log_reader, state_readers] {
            for _ in 0..pool.options().get_max_connections() {
                busy.push(pool.acquire().await.unwrap());
            }
        }
        let waiting = tokio::spawn({
            let store = store.clone();
            async move { store.head().await }
        });
        let lease = Duration::from_secs(600);
        let TakeOver::Granted(term) = store.take_over("refunds", "here", lease).await.unwrap()
        else {
            panic!("it is nobody's");
        };
        assert!(store.renew("refunds", term.epoch, lease).await.unwrap());
        assert_eq!(store.claims().await.unwrap().len(), 1);
        assert!(!waiting.is_finished());
        drop(busy);
        waiting.await.unwrap().unwrap();
    }

    /// The first read of a term waits for its turn among the readers, for longer than a lease.
    #[tokio::test]
    async fn a_lease_is_kept_while_its_term_cannot_begin_yet() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("test.db")).await.unwrap();
        let builder = Events::builder(store.clone()).lease(Duration::from_millis(300));
        let builder = builder.subscription("looks", |s| s.on_any(look));
        let events = builder.build().await.unwrap();
        let busy = store.0.log_reader.acquire().await.unwrap();
        let forwarder = events.forward();
        let mut seen = None;
        loop {
            let read =
                "SELECT epoch, until_us FROM ensue_owner JOIN ensue_lease USING (subscription)";
            let read = sqlx::query_as::<_, (i64, i64)>(read);
            let now = read.fetch_one(store.reader()).await.unwrap();
            let is_renewed =
                |(epoch, until): (i64, i64)| epoch == now.0 && epoch > 0 && until < now.1;
            if seen.replace(now).is_some_and(is_renewed) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(busy);
        assert!(forwarder.shutdown(Duration::from_secs(600)).await);
    }

    async fn look(_: &AnyEvent) -> Result<(), BoxError> {
        Ok(())
    }
}
