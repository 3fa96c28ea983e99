//! Databases that are alike, for ensue and for the hand.

use std::thread;

use ensue::{BoxError, EventId};
use ensue_postgres::{PostgresOptions, PostgresStore};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Decode, PgConnection, Postgres, Type};

use crate::backlog::Backlog;
use crate::postgres::commits::Commits;

/// A log full of events, on PostgreSQL.
pub(crate) type PostgresBacklog = Backlog<PostgresStore, Database>;

/// A database on the server that the environment names, as durable as PostgreSQL is by default. It
/// goes with this.
pub struct Database {
    server: PgConnectOptions,
    name: String,
}

impl Database {
    /// With ensue's tables, and the domain's.
    pub(crate) async fn new(commits: Commits) -> Result<Self, BoxError> {
        let database = Self::empty().await?;
        for (setting, value) in commits.settings() {
            let set = format!("ALTER DATABASE {} SET {setting} = {value}", database.name);
            execute(&database.server, set).await?;
        }
        database.store().await?.close().await;
        database.execute(DOMAIN).await?;
        Ok(database)
    }

    /// With nothing in it, on a disk as it is.
    ///
    /// # Errors
    /// The server's.
    pub async fn empty() -> Result<Self, BoxError> {
        let database = Self::named()?;
        execute(&database.server, format!("CREATE DATABASE {}", database.name)).await?;
        Ok(database)
    }

    fn named() -> Result<Self, BoxError> {
        let server: PgConnectOptions = servers::postgres_url().parse()?;
        Ok(Self { server, name: format!("bench_{}", EventId::now().as_uuid().simple()) })
    }

    /// What it is called, on the server whose URL is [`server_url`](Self::server_url).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server that it is on, for other drivers than ours.
    pub fn server_url() -> String {
        servers::postgres_url()
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        self.server.clone().database(&self.name)
    }

    pub(crate) fn store_options(&self) -> PostgresOptions {
        PostgresOptions::new(self.options())
    }

    pub(crate) async fn store(&self) -> Result<PostgresStore, BoxError> {
        Ok(self.store_options().connect().await?)
    }

    /// With an event in the log for each of these orders.
    pub(crate) async fn backlog(
        self,
        orders: impl Iterator<Item = u32>,
    ) -> Result<PostgresBacklog, BoxError> {
        let store = self.store_options().connections(LANES_MAX).connect().await?;
        Backlog::new(self, store, orders).await
    }

    pub(crate) async fn connect(&self) -> Result<PgConnection, BoxError> {
        Ok(PgConnection::connect_with(&self.options()).await?)
    }

    /// Statements on a connection of their own.
    pub(crate) async fn execute(&self, statements: impl Into<String>) -> Result<(), BoxError> {
        execute(&self.options(), statements.into()).await
    }

    /// The only row that a query has, asked from elsewhere, so that what is counted of this database
    /// does not count the question.
    pub(crate) async fn observe<T>(&self, query: &'static str) -> Result<T, BoxError>
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres> + Send + Unpin,
    {
        let mut connection = PgConnection::connect_with(&self.server).await?;
        let answer = sqlx::query_scalar(query).bind(&self.name).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(answer)
    }

    /// The first column of the only row that a query has.
    pub(crate) async fn ask<T>(&self, query: &'static str) -> Result<T, BoxError>
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres> + Send + Unpin,
    {
        let mut connection = self.connect().await?;
        let answer = sqlx::query_scalar(query).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(answer)
    }

    /// How many bytes a table takes, and how many dead rows it has, as far as was counted.
    pub(crate) async fn size_of(&self, table: &str) -> Result<String, BoxError> {
        let mut connection = self.connect().await?;
        let size = sqlx::query_scalar(SIZE).bind(table).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(size)
    }
}

async fn execute(server: &PgConnectOptions, statements: String) -> Result<(), BoxError> {
    let mut connection = PgConnection::connect_with(server).await?;
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Whatever runtime this is dropped on must not be waited on: hence a thread, and a runtime on it.
impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = thread::spawn(move || -> Result<(), BoxError> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            runtime.block_on(execute(&server, statement))
        });
        if !matches!(dropping.join(), Ok(Ok(()))) {
            crate::terminal::say(&format_args!("database {} is left behind", self.name));
        }
    }
}

const SIZE: &str = "
SELECT pg_size_pretty(sum(pg_total_relation_size(relid))) || ', ' || sum(n_dead_tup)
    || ' dead rows, vacuumed ' || sum(autovacuum_count) || ' times'
FROM pg_stat_user_tables
WHERE relid IN (SELECT relid FROM pg_partition_tree($1::text::regclass))";

/// LIMIT: as many handlers have a transaction at once.
pub(crate) const LANES_MAX: u32 = 16;

/// How many orders there are.
pub(crate) const ORDERS: u32 = 6_400;

/// Half of a page is left free, so that an update does not have to look for room.
const DOMAIN: &str = "
CREATE TABLE purchase (no bigint PRIMARY KEY, state text NOT NULL, amount bigint NOT NULL)
    WITH (fillfactor = 50);
INSERT INTO purchase SELECT no, 'paid', 900 FROM generate_series(1, 6400) AS no;
CREATE TABLE plain_log (
    position       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    occurred_at_us bigint NOT NULL,
    recorded_at_us bigint NOT NULL,
    version        bigint NOT NULL,
    hops           bigint NOT NULL,
    event_id       uuid   NOT NULL,
    causation_id   uuid,
    type           text   NOT NULL,
    key            text,
    content_type   text   NOT NULL,
    payload        text,
    payload_bytes  bytea,
    correlation_id text   NOT NULL,
    trace_context  text,
    headers        text
);
";
