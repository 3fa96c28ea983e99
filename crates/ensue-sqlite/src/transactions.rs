//! Transactions, and appending in one.

use std::sync::Arc;
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

    /// The driver rolls back a BEGIN whose answer nobody takes any more.
    async fn begin(&self) -> Result<Self::Transaction, Error> {
        let begin = async {
            // The semaphore is never closed.
            let _turn = self.0.turn.acquire().await;
            begin_immediate(&self.0.writer).await
        };
        match tokio::time::timeout(WRITER_WAIT_MAX, begin).await {
            Err(_) => Err(self.writer_is_taken(sqlx::Error::PoolTimedOut)),
            Ok(begun) => begun.map_err(|error| match error {
                error if is_busy(&error) => self.writer_is_taken(error),
                error => failed(|| "cannot begin a transaction".to_owned())(error),
            }),
        }
    }

    /// SQLite ends a transaction by itself when a statement fails in some ways (`OR ROLLBACK`,
    /// `RAISE(ROLLBACK)`, a full disk), and goes on in autocommit: an append would be durable at
    /// once. A bare BEGIN tells: inside a transaction it fails, and does no harm.
    async fn verify_open(&self, transaction: &mut Self::Transaction) -> Result<(), Error> {
        let depth = <Sqlite as Database>::TransactionManager::get_transaction_depth(transaction);
        let begun = sqlx::query("BEGIN").execute(&mut **transaction).await;
        match (depth, begun) {
            (1, Err(sqlx::Error::Database(_))) => Ok(()),
            (_, Err(error)) => Err(Error::store(
                format!("cannot commit: the driver is {depth} transactions deep, not 1"),
                error,
                false,
            )),
            (_, Ok(_)) => Err(Error::store(
                "cannot commit: the transaction is over already",
                "a statement that failed, or one that said so, has ended it: propagate the errors \
                 of statements, and leave COMMIT and ROLLBACK to the unit of work",
                false,
            )),
        }
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
                let query = sqlx::query(AssertSqlSafe(Arc::clone(statement)));
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
pub(crate) async fn wait_for_another_process() {
    let nap = Duration::from_micros(fastrand::u64(150..350));
    let napped = tokio::task::spawn_blocking(move || std::thread::sleep(nap)).await;
    debug_assert!(napped.is_ok(), "a nap does not panic");
}

/// The statement for several rows at once is the one for a single row with its values repeated.
/// A few sizes, so that each is prepared once: 100 events take 64 + 4 × 8 + 4 × 1.
static APPEND: std::sync::LazyLock<[(usize, Arc<str>); 3]> =
    std::sync::LazyLock::new(|| [64, 8, 1].map(|rows| (rows, append_statement(rows))));

fn append_statement(rows: usize) -> Arc<str> {
    let single = include_str!("sql/append.sql");
    let (insert, values) = single.split_once("VALUES").unwrap_or((single, ""));
    format!("{insert}VALUES {}", vec![values.trim(); rows].join(", ")).into()
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
