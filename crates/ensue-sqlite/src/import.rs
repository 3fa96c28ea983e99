//! The events that a shop stored before it had a log of ours.
//!
//! The book *DDD START!* (Choi Beom-gyun) stores events by a `JdbcEventStore` in a table
//!
//! ```sql
//! CREATE TABLE evententry (
//!     id INTEGER PRIMARY KEY, type VARCHAR, content_type VARCHAR, payload MEDIUMTEXT,
//!     timestamp DATETIME
//! )
//! ```
//!
//! and its consumers remember an *offset*: how many rows they have seen, in the order of `id`. A
//! shop that moves from there to a store of ours takes its events along, and its consumers go on with
//! the offsets they have saved:
//!
//! ```
//! use ensue_sqlite::{Events, SqliteStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ensue::BoxError> {
//! # let folder = tempfile::tempdir()?;
//! # let (path, old) = (folder.path().join("shop.db"), folder.path().join("old.db"));
//! # let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&old).create_if_missing(true);
//! # sqlx::raw_sql(
//! #     "CREATE TABLE evententry (id INTEGER PRIMARY KEY, type VARCHAR, content_type VARCHAR,
//! #          payload MEDIUMTEXT, timestamp DATETIME);
//! #      INSERT INTO evententry VALUES (1, 'com.myshop.SampleEvent', 'application/json', '{}',
//! #          '2024-01-01 09:00:00')",
//! # )
//! # .execute(&mut sqlx::ConnectOptions::connect(&options).await?)
//! # .await?;
//! let store = SqliteStore::open(&path).await?;
//! let imported = store.import().from_file(&old).await?;
//! assert_eq!(imported, 1);
//!
//! let events = Events::builder(store).build().await?; // and from here on as always
//! # assert_eq!(events.head().await?.get(), 1);
//! # Ok(()) }
//! ```
//!
//! The old application must have ended by then: what it stores later stays behind.
//!
//! # What becomes of a row
//! | column | becomes |
//! |---|---|
//! | `id` | its order. Positions are 1, 2, 3 … also where ids have gaps, so that a saved offset, which is a count, means the same event as before |
//! | `type` | the event's type, verbatim: the name of a Java class. An event of yours handles it by an alias |
//! | `content_type` | the same |
//! | `payload` | the payload, byte for byte |
//! | `timestamp` | the time of occurrence |
//!
//! The version is 1, and there is no key unless [`Import::key`] finds one.
//!
//! ```
//! use ensue::Event;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Event, Serialize, Deserialize)]
//! #[event(type = "order.cancelled", key = number)]
//! #[event(alias = "com.myshop.order.command.domain.OrderCanceledEvent")]
//! struct OrderCancelled {
//!     #[serde(alias = "orderNumber")]
//!     number: String,
//! }
//! ```
//!
//! # Times
//! SQLite has no type for them. A text is read as `YYYY-MM-DD HH:MM:SS`, with up to six digits of a
//! fraction or none, in UTC; a whole number as milliseconds since 1970, which is how the JDBC driver
//! for SQLite writes. Anything else is an error that names the row. Texts in a local time are for you
//! to turn into UTC before:
//!
//! ```sql
//! UPDATE evententry SET timestamp = strftime('%Y-%m-%d %H:%M:%f', timestamp, '-9 hours')
//! ```
//!
//! # Into an empty log
//! The events can only stand at the head of the log, since that is where the consumers count from. A
//! log that has any event refuses them, so a second import does too. A subscription that exists
//! already would handle them as if they had just happened, so they are also refused once an
//! application with subscriptions has been built over the file. Built after the import, its
//! subscriptions begin behind the imported events, or with them
//! ([`Start::Beginning`](ensue::Start::Beginning)).
//!
//! An import is one transaction. It holds the only writer while it runs, about a second for 100,000
//! events, so units of work wait for it and then come after it.

mod date_time;
mod event_entry;
mod pages;
mod table;

use std::path::Path;

use ensue::{BoxError, Error, Transactions};
use futures_util::stream::{Stream, TryStreamExt};
use sqlx::SqliteConnection;

pub use self::event_entry::EventEntry;
use self::pages::Pages;
use self::table::Table;
use crate::SqliteStore;
use crate::error::failed;
use crate::transactions::{insert, not_appended};

/// An import that is about to be: say where [`from`](Import::from_same_file).
#[must_use = "it does nothing until it is told where from"]
pub struct Import<'a> {
    store: &'a SqliteStore,
    key: Key<'a>,
}

type Key<'a> = Box<dyn FnMut(&EventEntry) -> Option<String> + Send + 'a>;

impl SqliteStore {
    /// Takes over the events that were stored in a table `evententry`; see [`import`](crate::import).
    pub fn import(&self) -> Import<'_> {
        Import { store: self, key: Box::new(|_| None) }
    }
}

impl<'a> Import<'a> {
    /// What each event must stay in order with, for subscriptions that handle the imported events:
    /// usually the aggregate's id, which only the payload knows. Without it they have no key.
    ///
    /// ```
    /// # use ensue_sqlite::SqliteStore;
    /// # use ensue_sqlite::import::EventEntry;
    /// fn order_number(entry: &EventEntry) -> Option<String> {
    ///     let payload: serde_json::Value = serde_json::from_slice(&entry.payload).ok()?;
    ///     payload["orderNumber"].as_str().map(str::to_owned)
    /// }
    ///
    /// # async fn example(store: SqliteStore) -> Result<(), ensue::Error> {
    /// store.import().key(order_number).from_same_file().await?;
    /// # Ok(()) }
    /// ```
    pub fn key(self, key: impl FnMut(&EventEntry) -> Option<String> + Send + 'a) -> Self {
        Self { key: Box::new(key), ..self }
    }

    /// Imports the table `evententry` that is in the store's own file, and leaves it there. Returns
    /// how many events there were.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](ensue::ErrorKind::Configuration) if the log is not empty, or a
    /// subscription exists. [`ErrorKind::Store`](ensue::ErrorKind::Store) if there is no such table,
    /// or a row of it cannot be read: it is named, with the column. The database's. After any of them
    /// nothing is imported.
    ///
    /// CANCEL-SAFE: dropped at any point, everything is imported or nothing; which, the log's
    /// [head](ensue::Log::head) says.
    pub async fn from_same_file(self) -> Result<u64, Error> {
        let mut table = Table::open(self.store.path()).await?;
        self.run(table.entries()).await
    }

    /// As [`from_same_file`](Self::from_same_file), from another database file, which is only read.
    ///
    /// # Errors
    /// As [`from_same_file`](Self::from_same_file); and if the file is not there, or not in UTF-8.
    ///
    /// CANCEL-SAFE: as [`from_same_file`](Self::from_same_file).
    pub async fn from_file(self, path: impl AsRef<Path>) -> Result<u64, Error> {
        let mut table = Table::open(path.as_ref()).await?;
        self.run(table.entries()).await
    }

    /// As [`from_same_file`](Self::from_same_file), from wherever you read the rows, such as another
    /// kind of database. They must come in the order of their ids.
    ///
    /// ```
    /// # use ensue::{BoxError, Timestamp};
    /// # use ensue_sqlite::SqliteStore;
    /// # use sqlx::SqlitePool as MySqlPool;
    /// use ensue_sqlite::import::EventEntry;
    /// use futures_util::TryStreamExt;
    ///
    /// type Row = (i64, String, String, String, i64);
    ///
    /// async fn import(store: &SqliteStore, old: &MySqlPool) -> Result<u64, ensue::Error> {
    ///     let rows = sqlx::query_as(
    ///         "SELECT id, type, content_type, payload,
    ///                 CAST(unix_timestamp(timestamp) * 1000000 AS SIGNED)
    ///          FROM evententry ORDER BY id",
    ///     );
    ///     let entries = rows.fetch(old).map_ok(|row: Row| EventEntry {
    ///         id: row.0,
    ///         event_type: row.1,
    ///         content_type: row.2,
    ///         payload: row.3.into(),
    ///         timestamp: Timestamp::from_micros(row.4),
    ///     });
    ///     store.import().from_entries(entries).await
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`from_same_file`](Self::from_same_file), with the stream's own first error behind one of
    /// [`ErrorKind::Store`](ensue::ErrorKind::Store);
    /// [`ErrorKind::Configuration`](ensue::ErrorKind::Configuration) if the rows are not in the order
    /// of their ids.
    ///
    /// CANCEL-SAFE: as [`from_same_file`](Self::from_same_file). The stream is read while the only
    /// writer is held: it must not wait for that itself.
    pub async fn from_entries<E: Into<BoxError>>(
        self,
        entries: impl Stream<Item = Result<EventEntry, E>> + Send,
    ) -> Result<u64, Error> {
        self.run(entries.map_err(|error| broken_off(error.into()))).await
    }

    /// ORDERING: the write lock first. What is checked and read after it stays so until the commit.
    async fn run(
        self,
        entries: impl Stream<Item = Result<EventEntry, Error>> + Send,
    ) -> Result<u64, Error> {
        let Self { store, key } = self;
        let mut transaction = store.begin().await?;
        check_empty(store.path(), &mut transaction).await?;
        let (mut pages, mut imported) = (Pages::new(entries, key), 0);
        loop {
            let page = pages.next().await?;
            if page.is_empty() {
                break;
            }
            let is_verified = imported > 0;
            insert(&mut transaction, &page, is_verified).await.map_err(not_appended)?;
            imported += page.len() as u64;
        }
        store.commit(transaction).await?;
        Ok(imported)
    }
}

impl std::fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import").field("store", self.store).finish_non_exhaustive()
    }
}

fn broken_off(error: BoxError) -> Error {
    let retryable = error.downcast_ref().is_some_and(crate::error::is_retryable);
    Error::store("cannot read the events to import", error, retryable)
}

/// Empty is a log that never had an event, and whose first ones nobody waits for.
async fn check_empty(path: &Path, connection: &mut SqliteConnection) -> Result<(), Error> {
    let what = || format!("cannot read how far the log of `{}` goes", path.display());
    let head: i64 = sqlx::query_scalar(include_str!("sql/read_head.sql"))
        .fetch_one(&mut *connection)
        .await
        .map_err(failed(what))?;
    if head > 0 {
        return Err(not_empty(path, head));
    }
    let subscription: Option<String> =
        sqlx::query_scalar(include_str!("sql/read_any_subscription.sql"))
            .fetch_optional(connection)
            .await
            .map_err(failed(what))?;
    subscription.map_or(Ok(()), |subscription| Err(expected(path, &subscription)))
}

fn not_empty(path: &Path, head: i64) -> Error {
    let path = path.display();
    Error::configuration(format!(
        "cannot import into the log of `{path}`: it goes to position {head} already, and imported \
         events can only come first, since their consumers count from there; if these are they, \
         nothing is left to do; otherwise open a new file and import into that before anything else"
    ))
}

fn expected(path: &Path, subscription: &str) -> Error {
    let path = path.display();
    Error::configuration(format!(
        "cannot import into the log of `{path}`: subscription `{subscription}` exists already and \
         would handle the imported events as if they had just happened; open a new file and import \
         into that before the application is built"
    ))
}
