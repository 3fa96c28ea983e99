//! A private MariaDB.

use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::handshake::{mysql, on_loopback};
use crate::packages::Package;
use crate::place::Place;
use crate::port;
use crate::programs::Programs;
use crate::server::{Recipe, Server, quoted};

/// A MariaDB of one's own, on a free port of loopback and as durable as MariaDB is by default.
///
/// It and its directory are gone when this is dropped, or when the process that started it ends in
/// any other way.
pub struct MariaDb {
    server: Server,
    tools: PathBuf,
    port: u16,
}

impl MariaDb {
    /// Starts one with nothing in it, and returns when it can be connected to. Where MariaDB's
    /// programs are missing they are installed, if we may.
    ///
    /// # Errors
    /// When there are no programs, or the server does not start; its log is part of the message.
    pub fn start() -> Result<Self, Failure> {
        let (programs, tools) = (PROGRAMS.find_or_install()?, TOOLS.find_or_install()?);
        port::on_a_free_one(|port| Self::start_on(port, &programs, &tools))
    }

    fn start_on(port: u16, programs: &Path, tools: &Path) -> Result<Self, Failure> {
        let place = Place::new("mariadb", STOP_SIGNAL)?;
        place.write(FIRST_STATEMENTS, &first_statements())?;
        let address = on_loopback(port);
        let recipe = Recipe {
            name: "MariaDB",
            script: script(programs, tools, place.path(), port),
            is_ready: Box::new(move || mysql::succeeds(address)),
        };
        Ok(Self { server: Server::start(place, recipe)?, tools: tools.to_owned(), port })
    }

    /// Where to connect, as a superuser and without a password, to no database in particular.
    pub fn url(&self) -> String {
        format!("mysql://{USER}@127.0.0.1:{}", self.port)
    }

    /// The port on 127.0.0.1. It stays the same over a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path of a program of this server's version, such as `mariadb` or `mariadb-dump`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.tools.join(name)
    }

    /// The temporary directory in which it lives, with its files in `data` and what it says in
    /// `log`.
    pub fn directory(&self) -> &Path {
        self.server.directory()
    }

    /// SIGKILL, as if the power had gone. Without an effect on one that does not run.
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

/// The server is as safe as any other. 300 connections are for test programs that run side by side,
/// each with pools of its own. No file of the system's settings is read. Its
/// temporary tables are its own: in a folder that it shares, two servers give theirs the same names.
fn script(programs: &Path, tools: &Path, directory: &Path, port: u16) -> String {
    let mariadbd = quoted(&programs.join("mariadbd"));
    let install = quoted(&tools.join("mariadb-install-db"));
    let here = |name: &str| quoted(&directory.join(name));
    format!(
        "set -e\n\
         export TMPDIR={temporary}\n\
         [ -e {data} ] || {install} --no-defaults --datadir={data} --skip-test-db \\\n\
         \x20   --auth-root-authentication-method=normal\n\
         exec {mariadbd} --no-defaults --datadir={data} --bind-address=127.0.0.1 --port={port} \\\n\
         \x20   --socket={socket} --pid-file={pid} --init-file={first} --skip-name-resolve \\\n\
         \x20   --max-connections=300\n",
        temporary = quoted(directory),
        data = here(DATA),
        socket = here("socket"),
        pid = here("pid"),
        first = here(FIRST_STATEMENTS),
    )
}

/// Run at each start: it is simpler than to know whether they have been.
fn first_statements() -> String {
    format!(
        "CREATE USER IF NOT EXISTS '{USER}'@'%';\n\
         GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'%' WITH GRANT OPTION;\n"
    )
}

const FIRST_STATEMENTS: &str = "first.sql";

/// An orderly shutdown takes a second; what it would write is thrown away in a moment, or found in the
/// log by the next start.
const STOP_SIGNAL: &str = "KILL";
const USER: &str = crate::postgres::USER;
const DATA: &str = "data";

const PROGRAMS: Programs = Programs {
    names: &["mariadbd"],
    folders: &[
        "/usr/sbin",
        "/usr/libexec",
        "/opt/homebrew/opt/mariadb/bin",
        "/usr/local/opt/mariadb/bin",
    ],
    package: PACKAGE,
};

/// Distributions have these in another folder than the server.
const TOOLS: Programs = Programs {
    names: &["mariadb-install-db", "mariadb", "mariadb-dump"],
    folders: &["/usr/bin", "/opt/homebrew/opt/mariadb/bin", "/usr/local/opt/mariadb/bin"],
    package: PACKAGE,
};

const PACKAGE: Package =
    Package { name: "mariadb-server", of: "MariaDB", instead: crate::surroundings::MYSQL_URL };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_listened_on() {
        let folder = Path::new("/usr/bin");
        let script = script(folder, folder, Path::new("/tmp/here"), 20_123);
        assert!(script.contains("--bind-address=127.0.0.1 --port=20123"));
        assert!(script.contains("--socket='/tmp/here/socket'"));
    }
}
