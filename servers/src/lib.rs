//! Real servers for tests: found where the environment names them, otherwise started, and gone
//! afterwards whatever happens.
//!
//! `cargo xtask test` and `cargo xtask with-servers` put [`Surroundings`] around the tests, which
//! ask [`postgres_url`], [`pgbouncer_url`], [`mysql_url`] and [`amqp_url`] where to connect. A test that has
//! to kill its server starts a private one:
//!
//! ```no_run
//! let mut postgres = servers::Postgres::start()?;
//! // … connect to postgres.url(), commit something …
//! postgres.kill()?;
//! postgres.restart()?;
//! // … and it is still there.
//! # Ok::<(), servers::Failure>(())
//! ```
//!
//! A test that is content with any server makes a [`FreshDatabase`] there (feature `database`), or a
//! [`FreshMysqlDatabase`] (feature `mysql`).
//!
//! Every server lives in a place of its own: a temporary directory, and a user that is not root. A
//! guard stops it and removes the directory as soon as the process that wanted it is gone, also if
//! that was killed. One more kind of server is one more file beside `postgres.rs`, `mariadb.rs` and
//! `rabbitmq.rs`, and a row in `surroundings.rs`.

mod account;
mod address;
mod failure;
#[cfg(feature = "database")]
mod fresh_database;
#[cfg(feature = "mysql")]
mod fresh_mysql_database;
mod guard;
mod handshake;
mod mariadb;
mod packages;
mod pgbouncer;
mod place;
mod port;
mod postgres;
mod programs;
mod rabbitmq;
mod server;
mod surroundings;

pub use failure::Failure;
#[cfg(feature = "database")]
pub use fresh_database::FreshDatabase;
#[cfg(feature = "mysql")]
pub use fresh_mysql_database::FreshMysqlDatabase;
pub use mariadb::MariaDb;
pub use pgbouncer::PgBouncer;
pub use postgres::Postgres;
pub use rabbitmq::RabbitMq;
pub use surroundings::{Surroundings, amqp_url, mysql_url, pgbouncer_url, postgres_url};
