//! A fresh database for each test.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use ensue::store::Page;
use ensue::{CorrelationId, Envelope, EventId, Log, Position, Timestamp, Transactions};
use ensue_mysql::{MysqlOptions, MysqlStore};
use servers::FreshMysqlDatabase;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection};

/// LIMIT: how long a test waits for what must happen; only a failing one gets there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// A database that was made for one test, and goes with it.
pub(crate) struct Database(FreshMysqlDatabase);

impl Database {
    /// An empty one.
    pub(crate) async fn new() -> Self {
        Self(FreshMysqlDatabase::new().await)
    }

    /// An empty one on a server of the test's own.
    pub(crate) async fn on(server: MySqlConnectOptions) -> Self {
        Self(FreshMysqlDatabase::on(server).await)
    }

    pub(crate) fn name(&self) -> &str {
        self.0.name()
    }

    pub(crate) fn options(&self) -> MySqlConnectOptions {
        self.0.options()
    }

    pub(crate) fn store_options(&self) -> MysqlOptions {
        MysqlOptions::new(self.options())
    }

    pub(crate) async fn store(&self) -> MysqlStore {
        self.store_options().connect().await.unwrap()
    }

    pub(crate) async fn connect(&self) -> MySqlConnection {
        MySqlConnection::connect_with(&self.options()).await.unwrap()
    }

    /// The first column of the only row.
    pub(crate) async fn ask<T>(&self, query: impl Into<String>) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::MySql> + sqlx::Type<sqlx::MySql> + Send + Unpin,
    {
        let mut connection = self.connect().await;
        let query = sqlx::query_scalar(AssertSqlSafe(query.into()));
        query.fetch_one(&mut connection).await.unwrap()
    }

    /// Ends every session that is in this database, as an administrator might.
    pub(crate) async fn end_sessions(&self) {
        let mut connection = MySqlConnection::connect_with(&servers_own()).await.unwrap();
        let find = sqlx::query_scalar(
            "SELECT CAST(id AS SIGNED) FROM information_schema.processlist WHERE db = ?",
        );
        let sessions: Vec<i64> = find.bind(self.name()).fetch_all(&mut connection).await.unwrap();
        for session in sessions {
            let kill = sqlx::raw_sql(AssertSqlSafe(format!("KILL {session}")));
            // One that has ended meanwhile is what was wanted.
            drop(kill.execute(&mut connection).await);
        }
    }

    /// A single statement, or several, on a connection of its own.
    pub(crate) async fn execute(&self, statements: impl Into<String>) {
        let mut connection = self.connect().await;
        let statements = sqlx::raw_sql(AssertSqlSafe(statements.into()));
        statements.execute(&mut connection).await.unwrap();
    }
}

/// Counts the rows that are in both places, are missing, or are beyond the head.
pub(crate) const UNSOUND: &str = "SELECT
    (SELECT count(*) FROM ensue_outbox JOIN ensue_log ON append_id = id)
    + abs((SELECT position FROM ensue_head) - (SELECT `floor` FROM ensue_log_meta)
        - (SELECT count(*) FROM ensue_log))
    + abs((SELECT position FROM ensue_head)
        - (SELECT coalesce(max(position), (SELECT `floor` FROM ensue_log_meta)) FROM ensue_log))";

/// Waits until a statement with this in it has been waiting for something for a while. InnoDB's own tables
/// tell no news to who asks often.
pub(crate) async fn until_waiting(database: &Database, part: &str) {
    until(async || is_waiting(database, part).await).await;
}

/// Returns true if a statement that contains `part` is waiting.
pub(crate) async fn is_waiting(database: &Database, part: &str) -> bool {
    let waiting = format!(
        "SELECT count(*) FROM information_schema.processlist WHERE db = '{}' AND command <> 'Sleep'
            AND time >= 1 AND id <> CONNECTION_ID() AND info LIKE '%{part}%'",
        database.name()
    );
    database.ask::<i64>(waiting).await > 0
}

fn servers_own() -> MySqlConnectOptions {
    servers::mysql_url().parse().unwrap()
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
pub(crate) async fn append(store: &MysqlStore, envelopes: &[Envelope]) {
    let mut transaction = store.begin().await.unwrap();
    store.append(&mut transaction, envelopes).await.unwrap();
    store.commit(transaction).await.unwrap();
}

/// What the log has by now, whether or not there is more to come.
pub(crate) async fn payloads(store: &MysqlStore) -> Vec<String> {
    let log = store.entries(Page::new(Position::START, 1_000_000)).await.unwrap();
    let positions: Vec<_> = log.iter().map(|entry| entry.position.get()).collect();
    assert_eq!(positions, (1..=log.len() as u64).collect::<Vec<_>>(), "positions have gaps");
    log.into_iter().map(|entry| String::from_utf8(entry.envelope.payload).unwrap()).collect()
}

/// All that is committed.
pub(crate) async fn whole_log(store: &MysqlStore) -> Vec<String> {
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
