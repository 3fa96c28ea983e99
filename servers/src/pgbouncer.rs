//! A PgBouncer in transaction mode.

use std::path::Path;
use std::process::Command;

use crate::address::Address;
use crate::failure::Failure;
use crate::handshake;
use crate::packages::Package;
use crate::place::Place;
use crate::port;
use crate::programs::Programs;
use crate::server::{Recipe, Server, quoted};

/// A PgBouncer in front of a PostgreSQL. Through it every database of that server can be reached
/// without a password, each transaction on whichever connection is free.
///
/// It and its directory are gone when this is dropped, or when the process that started it ends in
/// any other way.
pub struct PgBouncer {
    // Held for its drop.
    _server: Server,
    port: u16,
    database: String,
}

impl PgBouncer {
    /// Starts one in front of the server at `url`, and returns when that server answers through it.
    /// Where its program is missing it is installed, if we may.
    ///
    /// # Errors
    /// When there is no program, the URL is none, or the server is not reached; the log is part of
    /// the message.
    pub fn start(url: &str) -> Result<Self, Failure> {
        let behind = Address::parse(url)?;
        let programs = PROGRAMS.find_or_install()?;
        port::on_a_free_one(|port| Self::start_on(port, &programs, &behind))
    }

    fn start_on(port: u16, programs: &Path, behind: &Address) -> Result<Self, Failure> {
        let place = Place::new("pgbouncer", STOP_SIGNAL)?;
        let version = version(&programs.join(PROGRAM))?;
        place.write(CONFIGURATION, &configuration(version, port, behind))?;
        let (address, database) = (handshake::on_loopback(port), behind.database.clone());
        let recipe = Recipe {
            name: "PgBouncer",
            script: format!("exec {} {CONFIGURATION}\n", quoted(&programs.join(PROGRAM))),
            is_ready: Box::new(move || handshake::succeeds(address, ANY_USER, &database)),
        };
        let server = Server::start(place, recipe)?;
        Ok(Self { _server: server, port, database: behind.database.clone() })
    }

    /// Where to connect; the database may be any other.
    pub fn url(&self) -> String {
        format!("postgres://{ANY_USER}@127.0.0.1:{}/{}", self.port, self.database)
    }
}

fn version(program: &Path) -> Result<Version, Failure> {
    let output = Command::new(program).arg("--version").output();
    let output = output.map_err(Failure::cannot(format!("start {}", program.display())))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    version_in(&said).ok_or_else(|| Failure::new(format!("PgBouncer has no version: {said}")))
}

/// From a first line such as `PgBouncer 1.18.0`.
fn version_in(said: &str) -> Option<Version> {
    let mut numbers = said.lines().next()?.split(' ').nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

type Version = (u32, u32);

fn configuration(version: Version, port: u16, behind: &Address) -> String {
    let connection = behind.connection_string();
    // An older one takes unknown settings for mistakes.
    let prepared = if version < PREPARES { "" } else { "max_prepared_statements = 200\n" };
    format!(
        "[databases]\n\
         * = {connection}\n\
         [pgbouncer]\n\
         listen_addr = 127.0.0.1\n\
         listen_port = {port}\n\
         unix_socket_dir =\n\
         auth_type = any\n\
         pool_mode = transaction\n\
         {prepared}{LIMITS}"
    )
}

/// LIMIT: tests use a database each, and each has a pool here. Small pools that let go of idle
/// connections soon leave room below the server's `max_connections`; fewer connections than clients
/// are also what a pooler is about.
const LIMITS: &str = "default_pool_size = 5\n\
                      server_idle_timeout = 5\n\
                      max_client_conn = 500\n";

/// The version that learnt to follow prepared statements from one connection to another.
const PREPARES: Version = (1, 21);
/// Whoever connects is the user of the URL: so says `auth_type = any`.
const ANY_USER: &str = crate::postgres::USER;
const CONFIGURATION: &str = "pgbouncer.ini";
/// Which signal ends it at once differs between versions, and it has nothing to lose.
const STOP_SIGNAL: &str = "KILL";
const PROGRAM: &str = "pgbouncer";

const PROGRAMS: Programs = Programs {
    names: &[PROGRAM],
    folders: &["/usr/sbin", "/opt/homebrew/opt/pgbouncer/bin", "/usr/local/opt/pgbouncer/bin"],
    package: Package {
        name: "pgbouncer",
        of: "PgBouncer",
        instead: crate::surroundings::PGBOUNCER_URL,
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_database_of_the_server_behind_is_reached_in_transaction_mode() {
        let behind = Address::parse("postgres://ensue@127.0.0.1:20123/postgres").unwrap();
        let configuration = configuration((1, 18), 20_124, &behind);
        let lines: Vec<_> = configuration.lines().collect();
        assert!(lines.contains(&"* = host='127.0.0.1' port='20123' user='ensue'"));
        assert!(lines.contains(&"listen_port = 20124"));
        assert!(lines.contains(&"pool_mode = transaction"));
    }

    #[test]
    fn prepared_statements_are_asked_for_where_they_are_known() {
        let behind = Address::parse("postgres://ensue@127.0.0.1/postgres").unwrap();
        let asks = |version| configuration(version, 1, &behind).contains("max_prepared_statements");
        assert!(!asks((1, 18)) && !asks((1, 9)));
        assert!(asks((1, 21)) && asks((2, 0)));
    }

    #[test]
    fn a_version_is_in_the_first_line() {
        assert_eq!(version_in("PgBouncer 1.18.0\nlibevent 2.1.12-stable\n"), Some((1, 18)));
        assert_eq!(version_in("pgbouncer: not found"), None);
    }
}
