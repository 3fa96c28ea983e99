//! A fresh database for each test.

use std::time::Duration;

use ensue_postgres::{PostgresOptions, PostgresStore};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Where the tests find a server on which they may make databases.
pub(crate) const URL: &str = "ENSUE_TEST_POSTGRES_URL";

/// LIMIT: how long a test waits for what must happen; only a failing one gets there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A database that was made for one test, and goes with it.
pub(crate) struct Database {
    server: PgConnectOptions,
    name: String,
}

impl Database {
    /// An empty one.
    pub(crate) async fn new() -> Self {
        let url = std::env::var(URL)
            .unwrap_or_else(|_| panic!("set {URL} to a server on which databases may be made"));
        let server: PgConnectOptions = url.parse().unwrap();
        let name = format!("ensue_{}", ensue::EventId::now().as_uuid().simple());
        execute(&server, format!("CREATE DATABASE {name}")).await;
        Self { server, name }
    }

    /// With a setting that is a default for all who connect to it.
    pub(crate) async fn with_default(setting: &str) -> Self {
        let database = Self::new().await;
        let name = &database.name;
        execute(&database.server, format!("ALTER DATABASE {name} SET {setting}")).await;
        database
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        self.server.clone().database(&self.name)
    }

    pub(crate) fn store_options(&self) -> PostgresOptions {
        PostgresOptions::new(self.options())
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        self.store_options().connect().await.unwrap()
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.options()).await.unwrap()
    }

    /// A single statement, or several, on a connection of its own.
    pub(crate) async fn execute(&self, statements: impl Into<String>) {
        execute(&self.options(), statements.into()).await;
    }
}

async fn execute(server: &PgConnectOptions, statements: String) {
    let mut connection = PgConnection::connect_with(server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await.unwrap();
}

/// Its test may be over in a panic, and its runtime with it: hence a thread, and a runtime on it.
impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            runtime.unwrap().block_on(execute(&server, statement));
        });
        dropping.join().unwrap();
    }
}
