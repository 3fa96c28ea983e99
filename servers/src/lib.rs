//! Real servers for tests: found where the environment names them, otherwise started, and gone
//! afterwards whatever happens.
//!
//! `cargo xtask test` and `cargo xtask with-servers` put [`Surroundings`] around the tests, which
//! ask [`postgres_url`] and [`pgbouncer_url`] where to connect. A test that has to kill its server
//! starts a private one:
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
//! Every server lives in a place of its own: a temporary directory, and a user that is not root. A
//! guard stops it and removes the directory as soon as the process that wanted it is gone, also if
//! that was killed. One more kind of server is one more file beside `postgres.rs` and `pgbouncer.rs`,
//! and a row in `surroundings.rs`.

mod account;
mod address;
mod failure;
mod guard;
mod handshake;
mod packages;
mod pgbouncer;
mod place;
mod port;
mod postgres;
mod programs;
mod server;
mod surroundings;

pub use failure::Failure;
pub use pgbouncer::PgBouncer;
pub use postgres::Postgres;
pub use surroundings::{Surroundings, pgbouncer_url, postgres_url};
