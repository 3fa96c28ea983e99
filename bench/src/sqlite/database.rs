//! Database files that are alike, for ensue and for the hand.

use ensue::BoxError;
use ensue_sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{ConnectOptions, SqliteConnection, SqlitePool};
use tempfile::TempDir;

use crate::backlog::Backlog;
use crate::sqlite::durability::Durability;

/// A log full of events, on SQLite.
pub(crate) type SqliteBacklog = Backlog<SqliteStore, Database>;

/// A database file in a folder of its own that goes with it.
pub(crate) struct Database {
    folder: TempDir,
    durability: Durability,
}

impl Database {
    /// With ensue's tables, made by ensue, so that both arms have the same ones, and the domain's.
    pub(crate) async fn new(durability: Durability) -> Result<Self, BoxError> {
        let database = Self { folder: tempfile::tempdir()?, durability };
        let store = database.store().await?;
        drop(store);
        let writer = database.writer_by_hand().await?;
        sqlx::raw_sql(DOMAIN).execute(&writer).await?;
        writer.close().await;
        Ok(database)
    }

    pub(crate) async fn store(&self) -> Result<SqliteStore, BoxError> {
        Ok(SqliteStore::open_with(self.options()).await?)
    }

    /// With an event in the log for each of these orders.
    pub(crate) async fn backlog(
        self,
        orders: impl Iterator<Item = u32>,
    ) -> Result<SqliteBacklog, BoxError> {
        let store = self.store().await?;
        Backlog::new(self, store, orders).await
    }

    /// The one connection that writes, with the settings of the store's own.
    pub(crate) async fn writer_by_hand(&self) -> Result<SqlitePool, BoxError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(|connection, _| {
                Box::pin(
                    async move { sqlx::raw_sql(NO_WAITING).execute(connection).await.map(drop) },
                )
            })
            .connect_with(self.options())
            .await?;
        Ok(pool)
    }

    /// As [`writer_by_hand`](Self::writer_by_hand), without a pool around it.
    pub(crate) async fn connection_by_hand(&self) -> Result<SqliteConnection, BoxError> {
        let mut connection = self.options().connect().await?;
        sqlx::raw_sql(NO_WAITING).execute(&mut connection).await?;
        Ok(connection)
    }

    /// A connection that reads, with the settings of the store's own.
    pub(crate) async fn reader_by_hand(&self) -> Result<SqlitePool, BoxError> {
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(self.options().read_only(true).create_if_missing(false))
            .await?;
        Ok(pool)
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(self.folder.path().join("bench.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(self.durability.synchronous())
    }
}

const NO_WAITING: &str = "PRAGMA busy_timeout = 0";

const DOMAIN: &str = "
CREATE TABLE purchase (no INTEGER PRIMARY KEY, state TEXT NOT NULL, amount INTEGER NOT NULL);
CREATE TABLE refund (id INTEGER PRIMARY KEY, order_no TEXT NOT NULL, amount INTEGER NOT NULL);
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 1000)
INSERT INTO purchase SELECT n, 'paid', 900 FROM number;
";
