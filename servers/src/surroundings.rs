//! The servers that the tests of this workspace need, all together.

use std::{env, thread};

use crate::failure::Failure;
use crate::mariadb::MariaDb;
use crate::pgbouncer::PgBouncer;
use crate::postgres::Postgres;
use crate::rabbitmq::RabbitMq;

/// What tests find around them: a server of each kind, either one that the environment names or one
/// that was started for this and ends with it.
pub struct Surroundings {
    variables: Vec<(&'static str, String)>,
    // Held for their drops, in this order: PgBouncer's way leads to PostgreSQL.
    _pgbouncer: Option<PgBouncer>,
    _postgres: Option<Postgres>,
    _mariadb: Option<MariaDb>,
    _rabbitmq: Option<RabbitMq>,
}

impl Surroundings {
    /// Uses what the environment names, and starts the rest.
    ///
    /// # Errors
    /// When a server is neither named nor can be started; the message says what to do.
    pub fn complete() -> Result<Self, Failure> {
        thread::scope(|scope| {
            // The slowest to start, which need none of the others.
            let mariadb = scope.spawn(|| named_or_else(MYSQL_URL, MariaDb::start, MariaDb::url));
            let rabbitmq = scope.spawn(|| named_or_else(AMQP_URL, RabbitMq::start, RabbitMq::url));
            let (postgres, postgres_url) =
                named_or_else(POSTGRES_URL, Postgres::start, Postgres::url)?;
            let start = || PgBouncer::start(&postgres_url);
            let (pgbouncer, pgbouncer_url) = named_or_else(PGBOUNCER_URL, start, PgBouncer::url)?;
            let mariadb = mariadb.join().map_err(|_| Failure::new("MariaDB's start panicked"));
            let (mariadb, mysql_url) = mariadb.flatten()?;
            let panicked = |_| Err(Failure::new("RabbitMQ's start panicked"));
            let (rabbitmq, amqp_url) = rabbitmq.join().unwrap_or_else(panicked)?;
            let variables = vec![
                (POSTGRES_URL, postgres_url),
                (PGBOUNCER_URL, pgbouncer_url),
                (MYSQL_URL, mysql_url),
                (AMQP_URL, amqp_url),
            ];
            Ok(Self {
                variables,
                _pgbouncer: pgbouncer,
                _postgres: postgres,
                _mariadb: mariadb,
                _rabbitmq: rabbitmq,
            })
        })
    }

    /// Where the PostgreSQL is.
    pub fn postgres_url(&self) -> &str {
        self.url(POSTGRES_URL)
    }

    /// Where the RabbitMQ is.
    pub fn amqp_url(&self) -> &str {
        self.url(AMQP_URL)
    }

    fn url(&self, variable: &str) -> &str {
        let found = self.variables.iter().find(|(name, _)| *name == variable);
        found.map_or("", |(_, url)| url)
    }

    /// The environment of programs that are to find these servers.
    pub fn variables(&self) -> &[(&'static str, String)] {
        &self.variables
    }
}

/// The URL of the PostgreSQL that tests use: a superuser's, who may make databases.
///
/// # Panics
/// When the environment does not have it, with the command that puts it there.
#[track_caller]
pub fn postgres_url() -> String {
    named(POSTGRES_URL).unwrap_or_else(|| panic!("{}", is_missing(POSTGRES_URL)))
}

/// The URL of the same PostgreSQL by way of a PgBouncer in transaction mode.
///
/// # Panics
/// When the environment does not have it, with the command that puts it there.
#[track_caller]
pub fn pgbouncer_url() -> String {
    named(PGBOUNCER_URL).unwrap_or_else(|| panic!("{}", is_missing(PGBOUNCER_URL)))
}

/// The URL of the MariaDB, or MySQL, that tests use: of a user who may make databases, and with no
/// database in it.
///
/// # Panics
/// When the environment does not have it, with the command that puts it there.
#[track_caller]
pub fn mysql_url() -> String {
    named(MYSQL_URL).unwrap_or_else(|| panic!("{}", is_missing(MYSQL_URL)))
}

/// The URL of the RabbitMQ that tests use: an administrator's.
///
/// # Panics
/// When the environment does not have it, with the command that puts it there.
#[track_caller]
pub fn amqp_url() -> String {
    named(AMQP_URL).unwrap_or_else(|| panic!("{}", is_missing(AMQP_URL)))
}

fn named_or_else<S>(
    variable: &str,
    start: impl FnOnce() -> Result<S, Failure>,
    url: impl FnOnce(&S) -> String,
) -> Result<(Option<S>, String), Failure> {
    if let Some(url) = named(variable) {
        return Ok((None, url));
    }
    let server = start()?;
    let url = url(&server);
    Ok((Some(server), url))
}

/// An empty value is how some write that there is none.
fn named(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|url| !url.is_empty())
}

fn is_missing(variable: &str) -> String {
    format!(
        "{variable} is not set, so this test does not know its server; run all tests with \
         `cargo xtask test`, or some with `cargo xtask with-servers -- cargo nextest run …`"
    )
}

pub(crate) const POSTGRES_URL: &str = "ENSUE_TEST_POSTGRES_URL";
pub(crate) const PGBOUNCER_URL: &str = "ENSUE_TEST_PGBOUNCER_URL";
pub(crate) const MYSQL_URL: &str = "ENSUE_TEST_MYSQL_URL";
pub(crate) const AMQP_URL: &str = "ENSUE_TEST_AMQP_URL";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_without_a_server_says_which_command_brings_one() {
        let said = is_missing(POSTGRES_URL);
        assert!(said.starts_with("ENSUE_TEST_POSTGRES_URL is not set"));
        assert!(said.contains("`cargo xtask test`") && said.contains("`cargo xtask with-servers"));
    }
}
