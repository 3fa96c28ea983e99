//! The PostgreSQL store of [ensue](https://docs.rs/ensue): a dense log that nobody's open
//! transaction can stall.
//!
//! Events are appended in the transaction that changes your own tables, and wait for nobody. Once
//! they are committed, a sequencer moves them into the log and gives them their positions: 1, 2, 3 …
//!
//! ```
//! use ensue::{Event, Log, raise};
//! use ensue_postgres::{Events, PostgresStore, Tx};
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
//!     let events = Events::builder(PostgresStore::connect(url).await?).on(count).build().await?;
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
//! # The schema
//! Our tables are in a schema of their own, `ensue` unless [told otherwise](PostgresOptions::schema),
//! and are brought up to date by [`connect`](PostgresStore::connect), however many processes start
//! at once. Every statement names it, so that no `search_path` matters. Payloads that are text are
//! stored as text, so you can read them in `psql`. Requires PostgreSQL 15 or newer, and a database in UTF-8:
//! no other encoding holds every string.
//!
//! # The sequencer
//! Every process runs one unless [told otherwise](PostgresOptions::sequence_on_demand), and a lock
//! has them take turns. It is poked by the commits of its own process; it looks for others' every
//! 5 ms to 1 s, the rarer the longer nothing has come. Who reads is woken by it, in other processes
//! through `LISTEN` and `NOTIFY`; where that does not work, as behind a pooler, by the same polling.
//! Another transaction that is open, however long and wherever, holds up nothing but its own events.
//!
//! # Your defaults
//! A unit of work runs in the isolation, and with the durability, that are the defaults of your
//! database, role or connection. What is ours says itself what it needs: passes run under `READ
//! COMMITTED` and flush what they commit, also where users do not, so that a position that was read
//! never shows another entry. Deferred constraints are checked before the append, since they may
//! wait for other transactions, and events must not.
//!
//! # The session of a unit of work
//! The store resets the session before the next unit of work begins: roles, settings such as `search_path`
//! or `statement_timeout`, and temporary tables.
//!
//! # Behind a pooler
//! [`PostgresOptions::behind_pooler`] is for PgBouncer in transaction mode: then no statement of
//! ours relies on what an earlier transaction has left in its session.
//!
//! # Appending without us
//! The append is data: a statement and what is bound to it. [`append_in`] runs it in a transaction
//! of sqlx's own, and [`append`] has it for any other driver.
//!
//! # A driver's transaction inside of a unit of work
//! sqlx's own `begin` opens a savepoint there. One that is neither committed nor rolled back nor
//! dropped, but handed to [`std::mem::forget`], is committed together with the unit of work: the
//! database does not tell, and the append does not find out.
//!
#![doc = include_str!("operations.md")]

pub mod append;
mod connections;
mod error;
mod error_class;
mod horizon;
mod inbox;
mod listener;
mod log;
mod migrate;
mod options;
mod replica;
mod schema;
mod sequencing;
mod sql;
mod store;
mod subscriptions;
mod transaction;
mod transactions;

pub use append::append_in;
pub use options::PostgresOptions;
pub use replica::PostgresReplica;
#[doc(hidden)]
pub use sql::PostgresRow;
pub use store::PostgresStore;
pub use transaction::PostgresTransaction;

/// [`ensue::Tx`] on PostgreSQL: derefs to [`sqlx::PgConnection`].
pub type Tx = ensue::Tx<PostgresStore>;

/// [`ensue::Events`] on PostgreSQL.
pub type Events = ensue::Events<PostgresStore>;

/// [`ensue::Builder`] on PostgreSQL.
pub type Builder = ensue::Builder<PostgresStore>;
