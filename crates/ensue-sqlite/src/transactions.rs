//! Transactions, and appending in one.

use std::time::Duration;

use ensue::store::Savepoint;
use ensue::{Envelope, Error, Timestamp, Transactions};
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Database, Sqlite, SqliteConnection, SqlitePool, Transaction};
use sqlx_core::transaction::TransactionManager;
use tokio::time::Instant;

use crate::SqliteStore;
use crate::error::{failed, is_busy};
use crate::store::WRITER_WAIT_MAX;

impl Transactions for SqliteStore {
    type Connection = SqliteConnection;
    type Transaction = Transaction<'static, Sqlite>;

    async fn begin(&self) -> Result<Self::Transaction, Error> {
        let turn = tokio::time::timeout(WRITER_WAIT_MAX, self.0.turn.acquire());
        let _turn = turn.await.map_err(|_| self.writer_is_taken(sqlx::Error::PoolTimedOut))?;
        begin_immediate(&self.0.writer).await.map_err(|error| match error {
            error if is_busy(&error) => self.writer_is_taken(error),
            sqlx::Error::PoolTimedOut => self.writer_is_taken(error),
            error => failed(|| "cannot begin a transaction".to_owned())(error),
        })
    }

    async fn append(
        &self,
        transaction: &mut Self::Transaction,
        envelopes: &[Envelope],
    ) -> Result<(), Error> {
        let recorded_at = Timestamp::from(std::time::SystemTime::now());
        let mut rest = envelopes;
        for (rows, statement) in &*APPEND {
            while let Some((now, later)) = rest.split_at_checked(*rows) {
                let query = sqlx::query(AssertSqlSafe(statement.as_str()));
                let query = now.iter().fold(query, |query, row| bind(query, row, recorded_at));
                query
                    .execute(&mut **transaction)
                    .await
                    .map_err(failed(|| "cannot append to the log".to_owned()))?;
                rest = later;
            }
        }
        Ok(())
    }

    async fn savepoint(
        &self,
        transaction: &mut Self::Transaction,
        savepoint: Savepoint,
        depth: u32,
    ) -> Result<(), Error> {
        let statement = match savepoint {
            Savepoint::Open => format!("SAVEPOINT ensue_{depth}"),
            Savepoint::Release => format!("RELEASE ensue_{depth}"),
            Savepoint::RollBack => format!("ROLLBACK TO ensue_{depth}; RELEASE ensue_{depth}"),
        };
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut **transaction)
            .await
            .map(drop)
            .map_err(failed(|| format!("cannot {savepoint} a savepoint")))
    }

    async fn commit(&self, transaction: Self::Transaction) -> Result<(), Error> {
        check_depth(&transaction)?;
        transaction.commit().await.map_err(failed(|| "cannot commit".to_owned()))
    }

    async fn rollback(&self, transaction: Self::Transaction) -> Result<(), Error> {
        transaction.rollback().await.map_err(failed(|| "cannot roll back".to_owned()))
    }
}

impl SqliteStore {
    fn writer_is_taken(&self, error: sqlx::Error) -> Error {
        let path = self.0.path.display();
        let what = format!(
            "waited {WRITER_WAIT_MAX:?} for the only writer of `{path}`; whoever holds it may \
             itself be waiting for this: inside a unit of work, open no second one and write \
             through no other pool"
        );
        Error::store(what, error, true)
    }
}

/// The driver's own `begin` on our connection opens a savepoint that the unit of work knows nothing
/// of. One that was never ended would swallow the commit.
fn check_depth(connection: &SqliteConnection) -> Result<(), Error> {
    match <Sqlite as Database>::TransactionManager::get_transaction_depth(connection) {
        1 => Ok(()),
        depth => Err(Error::store(
            format!("cannot commit: the driver is {depth} transactions deep, not 1"),
            "the connection's own `begin`, `commit` or `rollback` was used; use `tx.savepoint`",
            false,
        )),
    }
}

/// Begins as soon as no other process holds the write lock.
pub(crate) async fn begin_immediate(
    writer: &SqlitePool,
) -> sqlx::Result<Transaction<'static, Sqlite>> {
    let asked_at = Instant::now();
    loop {
        // IMMEDIATE: a transaction that reads first and writes later would fail to upgrade.
        match writer.begin_with("BEGIN IMMEDIATE").await {
            Err(error) if is_busy(&error) && asked_at.elapsed() < WRITER_WAIT_MAX => {
                wait_for_another_process().await;
            }
            other => return other,
        }
    }
}

/// SQLite's own waiting sleeps longer at each try, so that among processes that write all the time
/// one gets everything. Short naps of random length share the lock out evenly. They are shorter
/// than the runtime's timer can tell apart, hence the thread.
async fn wait_for_another_process() {
    let nap = Duration::from_micros(fastrand::u64(150..350));
    let napped = tokio::task::spawn_blocking(move || std::thread::sleep(nap)).await;
    debug_assert!(napped.is_ok(), "a nap does not panic");
}

/// The statement for several rows at once is the one for a single row with its values repeated.
/// A few sizes, so that each is prepared once: 100 events take 64 + 4 × 8 + 4 × 1.
static APPEND: std::sync::LazyLock<[(usize, String); 3]> =
    std::sync::LazyLock::new(|| [64, 8, 1].map(|rows| (rows, append_statement(rows))));

fn append_statement(rows: usize) -> String {
    let single = include_str!("sql/append.sql");
    let (insert, values) = single.split_once("VALUES").unwrap_or((single, ""));
    format!("{insert}VALUES {}", vec![values.trim(); rows].join(", "))
}

type Append<'q> = Query<'q, Sqlite, SqliteArguments>;

fn bind<'q>(query: Append<'q>, envelope: &'q Envelope, recorded_at: Timestamp) -> Append<'q> {
    let query = query
        .bind(envelope.id.to_string())
        .bind(envelope.event_type.as_ref())
        .bind(envelope.version)
        .bind(envelope.key.as_deref())
        .bind(envelope.content_type.as_ref());
    bind_payload(query, &envelope.payload)
        .bind(envelope.occurred_at.as_micros())
        .bind(recorded_at.as_micros())
        .bind(envelope.correlation_id.as_str())
        .bind(envelope.causation_id.map(|id| id.to_string()))
        .bind(envelope.hops)
        .bind(envelope.trace_context.as_deref())
        .bind(headers(envelope))
}

/// What is text is stored as text, so that it can be read in any SQLite shell; the bytes are the
/// same either way.
fn bind_payload<'q>(query: Append<'q>, payload: &'q [u8]) -> Append<'q> {
    match std::str::from_utf8(payload) {
        Ok(text) => query.bind(text),
        Err(_) => query.bind(payload),
    }
}

fn headers(envelope: &Envelope) -> Option<String> {
    let headers = &envelope.headers;
    // A map of strings always has a JSON form.
    (!headers.is_empty()).then(|| serde_json::to_string(headers).unwrap_or_default())
}
