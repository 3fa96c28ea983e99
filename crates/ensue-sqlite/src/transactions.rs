//! Transactions, and appending in one.

use std::sync::LazyLock;

use ensue::store::Savepoint;
use ensue::store::columns::headers;
use ensue::store::sql::Purpose;
use ensue::{Envelope, Error, Timestamp, Transactions};
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};
use tokio::time::timeout;

use crate::SqliteStore;
use crate::error::{failed, is_busy, is_retryable, not_committed};
use crate::repeated::Repeated;
use crate::writer::{SqliteTransaction, VERIFY, WAIT_MAX, is_over};

impl Transactions for SqliteStore {
    type Connection = SqliteConnection;
    type Transaction = SqliteTransaction;

    fn is_retryable(error: &(dyn std::error::Error + 'static)) -> bool {
        error.downcast_ref().is_some_and(is_retryable)
    }

    async fn begin(&self) -> Result<Self::Transaction, Error> {
        self.begin_for(Purpose::Change).await
    }

    async fn append(
        &self,
        transaction: &mut Self::Transaction,
        envelopes: &[Envelope],
    ) -> Result<(), Error> {
        let appended = match envelopes {
            [] => transaction.verify().await,
            envelopes => {
                let is_verified = !transaction.take_verification();
                insert(transaction, envelopes, is_verified).await
            }
        };
        appended.map_err(not_appended)
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
        transaction.commit().await.map_err(not_committed)
    }

    async fn rollback(&self, transaction: Self::Transaction) -> Result<(), Error> {
        transaction.rollback().await.map_err(failed(|| "cannot roll back".to_owned()))
    }
}

impl SqliteStore {
    /// Begins a transaction. Leases go first, since a whole backlog of units of work may wait in line.
    pub(crate) async fn begin_for(&self, purpose: Purpose) -> Result<SqliteTransaction, Error> {
        let writer = &self.0.writer;
        let begun = match purpose {
            Purpose::Lease | Purpose::TakeOver => timeout(WAIT_MAX, writer.begin_first()).await,
            Purpose::Change | Purpose::Reading => timeout(WAIT_MAX, writer.begin()).await,
        };
        match begun {
            Err(_) => Err(self.writer_is_taken(sqlx::Error::PoolTimedOut)),
            Ok(begun) => begun.map_err(|error| match error {
                error if is_busy(&error) => self.writer_is_taken(error),
                error => failed(|| "cannot begin a transaction".to_owned())(error),
            }),
        }
    }

    fn writer_is_taken(&self, error: sqlx::Error) -> Error {
        let path = self.0.path.display();
        let what = format!(
            "waited {WAIT_MAX:?} for the only writer of `{path}`; whoever holds it may \
             itself be waiting for this: inside a unit of work, open no second one and write \
             through no other pool"
        );
        Error::store(what, error, true)
    }
}

/// Appends, after verifying that the transaction is open, unless that `is_verified`.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    envelopes: &[Envelope],
    mut is_verified: bool,
) -> sqlx::Result<()> {
    let recorded_at = Timestamp::from(std::time::SystemTime::now());
    let mut rest = envelopes;
    let append = |is_verified| if is_verified { &*APPEND } else { &*VERIFIED_APPEND };
    while let Some((statement, now, later)) = append(is_verified).cut(rest) {
        let query = sqlx::query(statement);
        let query = now.iter().fold(query, |query, row| bind(query, row, recorded_at));
        query.execute(&mut *connection).await?;
        (rest, is_verified) = (later, true);
    }
    Ok(())
}

pub(crate) fn not_appended(error: sqlx::Error) -> Error {
    if !is_over(&error) {
        return failed(|| "cannot append to the log".to_owned())(error);
    }
    over(error)
}

/// What was to be done in it is not done.
pub(crate) fn over(error: sqlx::Error) -> Error {
    failed(|| {
        "cannot commit: the transaction is over already; a statement that failed, or one that said \
         so, has ended it: propagate the errors of statements, and leave COMMIT and ROLLBACK to \
         the unit of work"
            .to_owned()
    })(error)
}

static APPEND: LazyLock<Repeated> =
    LazyLock::new(|| Repeated::of("", include_str!("sql/append.sql")));

/// Verifies that the transaction is open and appends, in one round trip to the database.
static VERIFIED_APPEND: LazyLock<Repeated> =
    LazyLock::new(|| Repeated::of(&format!("{VERIFY}; "), include_str!("sql/append.sql")));

type Insert<'q> = Query<'q, Sqlite, SqliteArguments>;

fn bind<'q>(query: Insert<'q>, envelope: &'q Envelope, recorded_at: Timestamp) -> Insert<'q> {
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
fn bind_payload<'q>(query: Insert<'q>, payload: &'q [u8]) -> Insert<'q> {
    match std::str::from_utf8(payload) {
        Ok(text) => query.bind(text),
        Err(_) => query.bind(payload),
    }
}
