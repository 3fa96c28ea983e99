//! Where a shop is for the length of a test: a folder, and a database there or on a server.

use std::path::Path;
use std::process::Command;

use servers::{FreshDatabase, FreshMysqlDatabase};
use tempfile::TempDir;
use tokio::net::TcpSocket;

use crate::program::Program;

pub(crate) struct Premises {
    folder: TempDir,
    /// Otherwise the database is a file in the folder.
    server: Option<Server>,
}

/// A database on a server, which goes with the test.
enum Server {
    Postgres(FreshDatabase),
    Mysql(FreshMysqlDatabase),
}

/// Makes three tests of each: on a SQLite file, on a database of PostgreSQL's, and on one of MySQL's or
/// MariaDB's.
macro_rules! on_each_database {
    ($($test:ident,)*) => {$(
        mod $test {
            use crate::premises::Premises;

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                super::$test(Premises::on_sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgres() {
                super::$test(Premises::on_postgres().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_mysql() {
                super::$test(Premises::on_mysql().await).await;
            }
        }
    )*};
}

pub(crate) use on_each_database;

impl Premises {
    pub(crate) fn on_sqlite() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), server: None }
    }

    pub(crate) async fn on_postgres() -> Self {
        let database = FreshDatabase::new().await;
        Self { server: Some(Server::Postgres(database)), ..Self::on_sqlite() }
    }

    pub(crate) async fn on_mysql() -> Self {
        let database = FreshMysqlDatabase::new().await;
        Self { server: Some(Server::Mysql(database)), ..Self::on_sqlite() }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn web(&self) -> Program {
        self.web_on_port("0")
    }

    /// A port for a process that comes and goes: bound, but not listened on, so that no other program gets
    /// it.
    pub(crate) fn reserve_port() -> TcpSocket {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        socket
    }

    pub(crate) fn web_on_port(&self, port: &str) -> Program {
        self.role("web", port)
    }

    /// The whole shop in one process.
    pub(crate) fn all(&self) -> Program {
        self.role("all", "0")
    }

    pub(crate) fn forwarder(&self) -> Program {
        self.role("forwarder", "0")
    }

    /// The same, with a broker between what is done and what ensues from it.
    pub(crate) fn all_with_a_broker(&self) -> Program {
        let mut command = self.role_command("all", "0");
        Program::start(self.with_a_broker(&mut command))
    }

    /// The shop as processes of its own.
    pub(crate) fn several_processes(&self) -> Command {
        let mut command = self.shop();
        command.args(["processes", "--lease-ms", "1000"]);
        self.with_a_broker(&mut command);
        command
    }

    /// Nobody else has anything of that name there.
    fn with_a_broker<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let name = self.folder().file_name().unwrap();
        command.args(["--broker", &servers::amqp_url(), "--broker-name"]).arg(name)
    }

    fn role(&self, role: &str, port: &str) -> Program {
        Program::start(&mut self.role_command(role, port))
    }

    /// With a short lease, so that whoever comes after a killed one need not wait for long.
    pub(crate) fn role_command(&self, role: &str, port: &str) -> Command {
        let mut command = self.shop();
        command.args(["--role", role, "--port", port, "--lease-ms", "1000", "--data"]);
        command.arg(self.folder());
        if std::env::var_os("RUST_LOG").is_none() {
            // A lease that could not be renewed on a busy machine is no news here.
            command.env("RUST_LOG", "error");
        }
        command
    }

    /// Every story, told over the database.
    pub(crate) fn stories(&self) -> Command {
        let mut command = self.shop();
        command.arg("story");
        command
    }

    fn shop(&self) -> Command {
        let file = self.folder().join("shop.db");
        let url = match &self.server {
            Some(Server::Postgres(database)) => database.url(),
            Some(Server::Mysql(database)) => database.url(),
            None => format!("sqlite:{}", file.display()),
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
        command.args(["--database", &url]);
        command
    }
}
