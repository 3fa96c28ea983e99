//! A private PostgreSQL.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::handshake;
use crate::packages::Package;
use crate::place::Place;
use crate::port;
use crate::programs::Programs;
use crate::server::{Recipe, Server, quoted};

/// A PostgreSQL of one's own, on a free port of loopback and as durable as PostgreSQL is by default.
///
/// It and its directory are gone when this is dropped, or when the process that started it ends in
/// any other way.
pub struct Postgres {
    server: Server,
    programs: PathBuf,
    port: u16,
}

impl Postgres {
    /// Starts one with an empty cluster, and returns when it can be connected to. Where PostgreSQL's
    /// programs are missing they are installed, if we may.
    ///
    /// # Errors
    /// When there are no programs, or the server does not start; its log is part of the message.
    pub fn start() -> Result<Self, Failure> {
        let programs = PROGRAMS.find_or_install()?;
        port::on_a_free_one(|port| Self::start_on(port, &programs))
    }

    /// Starts a read replica of another, which follows it for as long as both run.
    ///
    /// # Errors
    /// As [`start`](Self::start), and when the other one does not run.
    pub fn replica_of(primary: &Self) -> Result<Self, Failure> {
        port::on_a_free_one(|port| {
            let copy = copy(&primary.programs, primary.port);
            Self::start_from(port, &primary.programs, &copy)
        })
    }

    fn start_on(port: u16, programs: &Path) -> Result<Self, Failure> {
        Self::start_from(port, programs, &new_cluster(programs))
    }

    /// `made_by` is the command that makes the cluster.
    fn start_from(port: u16, programs: &Path, made_by: &str) -> Result<Self, Failure> {
        let place = Place::new("postgres", STOP_SIGNAL)?;
        let recipe = recipe(&place, programs, port, made_by);
        Ok(Self { server: Server::start(place, recipe)?, programs: programs.to_owned(), port })
    }

    /// Where to connect, as a superuser and without a password, to the database `postgres`.
    pub fn url(&self) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{DATABASE}", self.port)
    }

    /// The port on 127.0.0.1. It stays the same over a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path of a program of this server's version, such as `psql` or `pg_dump`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// The temporary directory in which it lives, with the cluster in `data` and what it says in
    /// `log`.
    pub fn directory(&self) -> &Path {
        self.server.directory()
    }

    /// SIGKILL to all of its processes at once, as if the power had gone. Without an effect on one
    /// that does not run.
    ///
    /// # Errors
    /// When the process that looks after it is gone.
    pub fn kill(&mut self) -> Result<(), Failure> {
        self.server.kill()
    }

    /// Starts it again, on the same port and with its data, and returns when it can be connected to.
    /// One that still runs is shut down first; its sessions are cut off, and what they have not
    /// committed is rolled back.
    ///
    /// # Errors
    /// When it does not start; its log is part of the message.
    pub fn restart(&mut self) -> Result<(), Failure> {
        self.server.restart()
    }
}

/// A killed PostgreSQL leaves shared memory behind, which only its next start gives back.
impl Drop for Postgres {
    fn drop(&mut self) {
        if self.server.is_running().is_ok_and(|is_running| !is_running) {
            drop(self.server.restart());
        }
    }
}

fn recipe(place: &Place, programs: &Path, port: u16, made_by: &str) -> Recipe {
    let address = handshake::on_loopback(port);
    Recipe {
        name: "PostgreSQL",
        script: script(programs, place.path(), port, made_by),
        is_ready: Box::new(move || handshake::succeeds(address, USER, DATABASE)),
    }
}

/// The cluster is as safe as any other. Only its making need not reach the disk. 200 connections are
/// for test programs that run side by side, each with pools of its own; prepared transactions are
/// off by default, and tests make some.
fn script(programs: &Path, directory: &Path, port: u16, made_by: &str) -> String {
    let postgres = quoted(&programs.join("postgres"));
    let sockets = quoted(directory);
    format!(
        "set -e\n\
         [ -e {DATA} ] || {made_by}\n\
         exec {postgres} -D {DATA} -c listen_addresses=127.0.0.1 -c port={port} \\\n\
         \x20   -c unix_socket_directories={sockets} \\\n\
         \x20   -c max_connections=200 -c max_prepared_transactions=20\n"
    )
}

fn new_cluster(programs: &Path) -> String {
    let initdb = quoted(&programs.join("initdb"));
    format!(
        "{initdb} --pgdata={DATA} --username={USER} --auth=trust \\\n\
         \x20   --no-locale --encoding=UTF8 --no-sync"
    )
}

/// It says itself whom it follows.
fn copy(programs: &Path, primary: u16) -> String {
    let pg_basebackup = quoted(&programs.join("pg_basebackup"));
    format!(
        "{pg_basebackup} --pgdata={DATA} --write-recovery-conf --checkpoint=fast --no-sync \\\n\
         \x20   --host=127.0.0.1 --port={primary} --username={USER} --no-password"
    )
}

/// Immediate shutdown: waits for nobody, and writes nothing that is thrown away in a moment.
const STOP_SIGNAL: &str = "QUIT";
pub(crate) const USER: &str = "ensue";
const DATABASE: &str = "postgres";
const DATA: &str = "data";

const PROGRAMS: Programs = Programs {
    names: &["initdb", "postgres", "psql"],
    folders: &[
        "/usr/lib/postgresql/*/bin",
        "/usr/pgsql-*/bin",
        "/opt/homebrew/opt/postgresql@*/bin",
        "/usr/local/opt/postgresql@*/bin",
    ],
    package: Package {
        name: "postgresql",
        of: "PostgreSQL",
        instead: crate::surroundings::POSTGRES_URL,
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_listened_on() {
        let script = script(Path::new("/usr/bin"), Path::new("/tmp/here"), 20_123, "true");
        assert!(script.contains("-c listen_addresses=127.0.0.1 -c port=20123"));
        assert!(script.contains("unix_socket_directories='/tmp/here'"));
    }
}
