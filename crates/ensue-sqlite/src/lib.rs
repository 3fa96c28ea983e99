//! The embedded store of [ensue](https://docs.rs/ensue): SQLite.
//!
//! Events are appended to the log in the transaction that changes your own tables, in the same
//! file; nothing else has to run. Any number of processes may share the file.
//!
//! ```
//! use ensue::{Event, raise};
//! use ensue_sqlite::{Events, SqliteStore, Tx};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Event, Serialize, Deserialize)]
//! #[event(key = order_no)]
//! struct OrderPlaced { order_no: String }
//!
//! async fn count(_: &OrderPlaced, tx: &mut Tx) -> sqlx::Result<()> {
//!     sqlx::query("UPDATE counter SET orders = orders + 1").execute(&mut **tx).await.map(drop)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), ensue::BoxError> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("shop.db");
//! let events = Events::builder(SqliteStore::open(&path).await?).on(count).build().await?;
//!
//! events.run(async |tx| {
//!     sqlx::raw_sql("CREATE TABLE counter (orders INTEGER); INSERT INTO counter VALUES (0)")
//!         .execute(&mut **tx)
//!         .await?;
//!     raise(OrderPlaced { order_no: "A-1".into() });
//!     Ok::<_, ensue::BoxError>(())
//! }).await?;
//!
//! let orders: i64 = sqlx::query_scalar("SELECT orders FROM counter")
//!     .fetch_one(events.store().reader())
//!     .await?;
//! assert_eq!((orders, events.head().await?.get()), (1, 1));
//! # Ok(()) }
//! ```
//!
//! # One writer
//! SQLite has one writer at a time. Units of work of a process queue up for it in order; among
//! processes it goes to whoever asks next. While a unit of work is open, do not open a second one
//! on another task and wait for it, nor write through a pool of your own: both wait for the writer
//! that you hold. Reads that need no unit of work go through [`SqliteStore::reader`] and wait for
//! nobody. A durable handler that takes `&mut Tx` holds the writer while it runs, so it should do
//! nothing but database work.
//!
//! # Your own tables
//! They are made in a transaction like any other, before or after ours, by whatever tool you use:
//!
//! ```
//! # use ensue_sqlite::SqliteStore;
//! use ensue::Transactions;
//!
//! # async fn example(store: SqliteStore) -> Result<(), ensue::BoxError> {
//! let mut transaction = store.begin().await?;
//! sqlx::raw_sql("CREATE TABLE IF NOT EXISTS product (code TEXT PRIMARY KEY) STRICT")
//!     .execute(&mut *transaction)
//!     .await?;
//! store.commit(transaction).await?;
//! # Ok(()) }
//! ```
//!
//! # A copy of the file
//! The log has an identity ([`Log::identity`](ensue::Log::identity)), which a copy of the file shares. If you
//! restore the log to an earlier moment than its readers have read, it is another log to them: give it a new
//! identity before anything is appended:
//!
//! ```sql
//! UPDATE ensue_log_meta SET epoch = lower(hex(randomblob(16)));
//! ```
//!
//! # Events from before
//! What a shop stored in a table `evententry`, as a well-known book has it, comes over by
//! [`SqliteStore::import`], and its consumers go on with the offsets they have saved: see [`import`].
//!
//! # What is guaranteed
//! The log's positions are dense and in the order of commits by construction: `AUTOINCREMENT` under
//! the one write lock. `synchronous` is `FULL` unless told otherwise: an acknowledged commit
//! survives the loss of power. Statements run on an sqlx 0.9 connection.

mod error;
pub mod import;
mod inbox;
mod log;
mod migrate;
mod repeated;
mod sql;
mod store;
mod subscriptions;
mod transactions;
mod wal_file;
mod writer;

#[doc(hidden)]
pub use sql::{SqliteRow, Timed};
pub use store::SqliteStore;
pub use writer::SqliteTransaction;

/// [`ensue::Tx`] on SQLite: derefs to [`sqlx::SqliteConnection`].
pub type Tx = ensue::Tx<SqliteStore>;

/// [`ensue::Events`] on SQLite.
pub type Events = ensue::Events<SqliteStore>;

/// [`ensue::Builder`] on SQLite.
pub type Builder = ensue::Builder<SqliteStore>;
