//! A fresh database for each test.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use ensue::store::Page;
use ensue::{CorrelationId, Envelope, EventId, Log, Position, Timestamp, Transactions};
use ensue_postgres::{PostgresOptions, PostgresStore};
use servers::FreshDatabase;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// LIMIT: how long a test waits for what must happen; only a failing one gets there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// A database that was made for one test, and goes with it.
pub(crate) struct Database(FreshDatabase);

impl Database {
    /// An empty one.
    pub(crate) async fn new() -> Self {
        Self(FreshDatabase::new().await)
    }

    /// An empty one on a server of the test's own.
    pub(crate) async fn on(server: PgConnectOptions) -> Self {
        Self(FreshDatabase::on(server).await)
    }

    /// With a setting that is a default for all who connect to it.
    pub(crate) async fn with_default(setting: &str) -> Self {
        let database = Self::new().await;
        database.0.alter(&format!("SET {setting}")).await;
        database
    }

    pub(crate) fn name(&self) -> &str {
        self.0.name()
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        self.0.options()
    }

    pub(crate) fn store_options(&self) -> PostgresOptions {
        PostgresOptions::new(self.options())
    }

    /// By way of a pooler that gives each transaction another connection to the server.
    pub(crate) fn pooled_options(&self) -> PostgresOptions {
        let pooler: PgConnectOptions = servers::pgbouncer_url().parse().unwrap();
        PostgresOptions::new(pooler.database(self.name())).behind_pooler()
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        self.store_options().connect().await.unwrap()
    }

    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.options()).await.unwrap()
    }

    /// The first column of the only row.
    pub(crate) async fn ask<T>(&self, query: impl Into<String>) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        let mut connection = self.connect().await;
        let query = sqlx::query_scalar(AssertSqlSafe(query.into()));
        query.fetch_one(&mut connection).await.unwrap()
    }

    /// A single statement, or several, on a connection of its own.
    pub(crate) async fn execute(&self, statements: impl Into<String>) {
        let mut connection = self.connect().await;
        let statements = sqlx::raw_sql(AssertSqlSafe(statements.into()));
        statements.execute(&mut connection).await.unwrap();
    }
}

/// Waits for something that others bring about and that nothing signals.
pub(crate) async fn until(is_so: impl AsyncFn() -> bool) {
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it never came to be");
}

/// An envelope of no type in particular.
pub(crate) fn envelope(payload: impl Into<Vec<u8>>) -> Envelope {
    let id = EventId::now();
    Envelope {
        id,
        event_type: Cow::Borrowed("order.placed"),
        version: 1,
        key: Some("A-1".to_owned()),
        content_type: Cow::Borrowed("application/json"),
        payload: payload.into(),
        occurred_at: Timestamp::from_micros(1_700_000_000_123_456),
        correlation_id: CorrelationId::from(id),
        causation_id: None,
        hops: 0,
        trace_context: None,
        headers: BTreeMap::new(),
    }
}

pub(crate) fn envelopes(payloads: impl IntoIterator<Item = usize>) -> Vec<Envelope> {
    payloads.into_iter().map(|payload| envelope(payload.to_string())).collect()
}

/// One transaction.
pub(crate) async fn append(store: &PostgresStore, envelopes: &[Envelope]) {
    let mut transaction = store.begin().await.unwrap();
    store.append(&mut transaction, envelopes).await.unwrap();
    store.commit(transaction).await.unwrap();
}

/// What the log has by now, whether or not there is more to come.
pub(crate) async fn payloads(store: &PostgresStore) -> Vec<String> {
    let log = store.entries(Page::new(Position::START, 1_000_000)).await.unwrap();
    let positions: Vec<_> = log.iter().map(|entry| entry.position.get()).collect();
    assert_eq!(positions, (1..=log.len() as u64).collect::<Vec<_>>(), "positions have gaps");
    log.into_iter().map(|entry| String::from_utf8(entry.envelope.payload).unwrap()).collect()
}

/// All that is committed.
pub(crate) async fn whole_log(store: &PostgresStore) -> Vec<String> {
    store.barrier().await.unwrap();
    payloads(store).await
}

pub(crate) fn texts(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| number.to_string()).collect()
}

/// 0, 1, 2 …: of so many that nobody would want to see them all.
pub(crate) fn assert_counts_up(payloads: &[String], to: usize) {
    let wrong = payloads.iter().zip(texts(0..to)).find(|(found, expected)| *found != expected);
    assert_eq!((wrong, payloads.len()), (None, to));
}
