//! A log under everything that has ever cost somebody events: many writers in processes that are
//! killed, transactions that append early and commit late, rollbacks, bulk loads, a server that
//! crashes; and a judge who knows what each writer was told.
//!
//! - A [`Defendant`] is a log that stands trial. [`Ours`] is one that is made of a [`Backend`], a
//!   database with a store: [`Sqlite`], [`Postgres`] and [`Mysql`] are ours, [`NaivePostgres`] is how it is often
//!   done, and what the judge must notice. Other crates' logs are in `bench/judged`.
//! - An [`Arena`] is a database that is up, with the misfortunes that it can bring about.
//! - [`run`] has writers and readers at it until enough is acknowledged. Writers are other processes,
//!   started by it from the same program ([`CommandLine`]), which [`write`](write()) what [`Plan`]s say.
//! - [`judge`](judge()) compares what writers were told, the [`History`], with what readers saw, the
//!   [`Sightings`], and with the log as it is at the end. It is pure, and tested on made-up ones.
//!
//! One seed decides what each writer does and which misfortunes come. How they meet is real, and never
//! the same twice.

mod arena;
mod attempt;
mod backend;
mod command_line;
mod deck;
mod defendant;
mod evidence;
mod history;
mod judge;
mod mark;
mod moment;
mod mysql;
mod naive_postgres;
mod ours;
mod plan;
mod postgres;
mod reader;
mod report;
mod run;
mod sightings;
mod sqlite;
pub mod terminal;
mod verdict;
mod writer;
mod writers;

pub use arena::Arena;
pub use attempt::Attempt;
pub use backend::Backend;
pub use command_line::{Choice, CommandLine};
pub use deck::Deck;
pub use defendant::{Defendant, Testimony};
pub use evidence::{Evidence, Witness};
pub use history::{History, Transaction, TransactionId};
pub use judge::judge;
pub use mark::{Key, Mark};
pub use moment::Moment;
pub use mysql::{Mysql, MysqlArena};
pub use naive_postgres::{NaivePostgres, NaiveStore};
pub use ours::Ours;
pub use plan::{End, Plan};
pub use postgres::{Postgres, PostgresArena, PostgresServer};
pub use reader::Reader;
pub use report::Report;
pub use run::{Outcome, Trial, run};
pub use sightings::Sightings;
pub use sqlite::{Sqlite, SqliteArena};
pub use verdict::Verdict;
pub use writer::{Assignment, write};
