//! A fresh database for each test.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use uuid::Uuid;

use crate::surroundings::postgres_url;

/// An empty database that is made for one test, on the PostgreSQL that tests use, and goes with it.
pub struct FreshDatabase {
    server: PgConnectOptions,
    name: String,
}

impl FreshDatabase {
    /// Makes one.
    ///
    /// # Panics
    /// When there is no server, or it does not make databases.
    pub async fn new() -> Self {
        let url = postgres_url();
        Self::on(url.parse().unwrap_or_else(|error| panic!("cannot read `{url}`: {error}"))).await
    }

    /// Makes one on another server.
    ///
    /// # Panics
    /// When it does not make databases.
    pub async fn on(server: PgConnectOptions) -> Self {
        let name = format!("ensue_{}", Uuid::now_v7().simple());
        execute(&server, format!("CREATE DATABASE {name}")).await;
        Self { server, name }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How to connect to it.
    pub fn options(&self) -> PgConnectOptions {
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
async fn execute(server: &PgConnectOptions, statement: String) {
    let connection = PgConnection::connect_with(server).await;
    let mut connection = connection.expect("a connection to the server that tests use");
    let executed = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await;
    executed.expect("a user who may make databases");
}

/// Its test may be over in a panic, and its runtime with it: hence a thread, and a runtime on it.
impl Drop for FreshDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(execute(&server, statement)))
        });
        // A database that stays behind is not worth the answer of the test.
        drop(dropping.join());
    }
}
