//! A fresh database for each test, on MariaDB or MySQL.

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use uuid::Uuid;

use crate::surroundings::mysql_url;

/// An empty database that is made for one test, on the MariaDB or MySQL that tests use, and goes with
/// it.
pub struct FreshMysqlDatabase {
    server: MySqlConnectOptions,
    name: String,
}

impl FreshMysqlDatabase {
    /// Makes one.
    ///
    /// # Panics
    /// When there is no server, or it does not make databases.
    pub async fn new() -> Self {
        let url = mysql_url();
        Self::on(url.parse().unwrap_or_else(|error| panic!("cannot read `{url}`: {error}"))).await
    }

    /// Makes one on another server.
    ///
    /// # Panics
    /// When it does not make databases.
    pub async fn on(server: MySqlConnectOptions) -> Self {
        let name = format!("ensue_{}", Uuid::now_v7().simple());
        execute(&server, format!("CREATE DATABASE {name}")).await;
        Self { server, name }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How to connect to it.
    pub fn options(&self) -> MySqlConnectOptions {
        self.server.clone().database(&self.name)
    }

    /// The same for another process.
    pub fn url(&self) -> String {
        self.options().to_url_lossy().into()
    }

    /// Has the database do something to itself, from outside of it: `ALTER DATABASE {name} …`.
    ///
    /// # Panics
    /// When it does not.
    pub async fn alter(&self, what: &str) {
        execute(&self.server, format!("ALTER DATABASE {} {what}", self.name)).await;
    }
}

#[expect(clippy::expect_used, reason = "a test that cannot have its database fails")]
async fn execute(server: &MySqlConnectOptions, statement: String) {
    let connection = MySqlConnection::connect_with(server).await;
    let mut connection = connection.expect("a connection to the server that tests use");
    let executed = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await;
    executed.expect("a user who may make databases");
}

/// Its test may be over in a panic, and its runtime with it: hence a thread, and a runtime on it.
///
/// To drop a database waits for transactions that are open in it, so its sessions are ended first.
impl Drop for FreshMysqlDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(drop_database(&server, &name)))
        });
        // A database that stays behind is not worth the answer of the test.
        drop(dropping.join());
    }
}

async fn drop_database(server: &MySqlConnectOptions, name: &str) {
    end_sessions(server, name).await;
    execute(server, format!("DROP DATABASE IF EXISTS {name}")).await;
}

async fn end_sessions(server: &MySqlConnectOptions, name: &str) {
    let Ok(mut connection) = MySqlConnection::connect_with(server).await else { return };
    let find = "SELECT CAST(id AS SIGNED) FROM information_schema.processlist WHERE db = ?";
    let sessions = sqlx::query_scalar::<_, i64>(find).bind(name).fetch_all(&mut connection).await;
    for session in sessions.unwrap_or_default() {
        let kill = sqlx::raw_sql(AssertSqlSafe(format!("KILL {session}")));
        // One that has ended meanwhile is what was wanted.
        drop(kill.execute(&mut connection).await);
    }
}
