//! The MySQL and MariaDB store of [ensue](https://docs.rs/ensue): a dense log that nobody's open
//! transaction can stall.
//!
//! Events are appended in the transaction that changes your own tables, and wait for nobody. Once
//! they are committed, a sequencer moves them into the log and gives them their positions: 1, 2, 3 …
//!
//! ```
//! use ensue::{Event, Log, raise};
//! use ensue_mysql::{Events, MysqlStore, Tx};
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
//! async fn example(url: &str) -> Result<(), ensue::BoxError> {
//!     let events = Events::builder(MysqlStore::connect(url).await?).on(count).build().await?;
//!
//!     events.run(async |_tx| {
//!         raise(OrderPlaced { order_no: "A-1".into() });
//!         Ok::<_, ensue::BoxError>(())
//!     }).await?;
//!
//!     // Positions come a moment after the commit; a barrier waits for them.
//!     let stands_up_to = events.store().barrier().await?;
//!     assert!(stands_up_to.get() >= 1);
//!     Ok(())
//! }
//! ```
//!
//! # The tables
//! Ours are in the database that the URL names, beside yours, and their names begin with `ensue_`. They
//! are brought up to date by [`connect`](MysqlStore::connect), however many processes start at once.
//! Payloads that are text are stored as text. Requires MariaDB 10.6 or MySQL 8.0.17, or newer.
//!
//! # The sequencer
//! Every process runs one unless [told otherwise](MysqlOptions::sequence_on_demand), and a lock has
//! them take turns. It is poked by the commits of its own process; it looks for others' every 5 ms to
//! half a second, the rarer the longer nothing has come. There is nothing to listen to on MySQL.
//! Another transaction that is open, however long, holds up nothing but its own events.
//!
//! # Your defaults
//! A unit of work runs in the isolation that is the default of your server or connection. Durability is
//! the server's: with `innodb_flush_log_at_trx_commit = 1`, the default, what is committed is flushed.
//! With less, a crash may lose the last commits, and a position that was read may then be given to
//! another event: no session can ask for more than the server gives.
//!
//! # The session is ours
//! A unit of work that leaves its session in another database (`USE`), or with another character set,
//! does not commit: its events would end up in another log, or garbled. Other settings that it changes
//! (`sql_mode`, `time_zone`, `foreign_key_checks`, the isolation …) hold until it ends; the connection is
//! then closed, so that they reach no other unit of work. The store does not check for user variables,
//! temporary tables and named locks (`GET_LOCK`): a unit of work that makes them must remove them.
//!
//! # What ends a transaction
//! MySQL commits at any statement that makes, changes or drops a table, and at many others. In a unit of
//! work that is noticed, and its commit fails; but what was done before that statement is committed, and
//! without its events. So change tables outside of units of work.
//!
//! # Appending without us
//! [`append_in`] appends in a transaction of sqlx's own.
//!
#![doc = include_str!("operations.md")]

mod append;
mod connections;
mod error;
mod error_class;
mod inbox;
mod log;
mod migrate;
mod options;
mod repair;
mod sequencing;
mod server;
mod sql;
mod store;
mod subscriptions;
mod transaction;
mod transactions;

pub use append::append_in;
pub use options::MysqlOptions;
#[doc(hidden)]
pub use sql::{MysqlRow, Numbered};
pub use store::MysqlStore;
pub use transaction::MysqlTransaction;

/// [`ensue::Tx`] on MySQL and MariaDB: derefs to [`sqlx::MySqlConnection`].
pub type Tx = ensue::Tx<MysqlStore>;

/// [`ensue::Events`] on MySQL and MariaDB.
pub type Events = ensue::Events<MysqlStore>;

/// [`ensue::Builder`] on MySQL and MariaDB.
pub type Builder = ensue::Builder<MysqlStore>;
