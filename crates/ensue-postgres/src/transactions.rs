//! Transactions, and appending in one.

use std::sync::LazyLock;

use ensue::store::Savepoint;
use ensue::{Envelope, Error, Transactions};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqlSafeStr};

use crate::PostgresStore;
use crate::append::{self, Statements};
use crate::connections::{self, WAIT_MAX};
use crate::error::{failed, is_aborted, is_retryable, not_committed};
use crate::transaction::PostgresTransaction;

impl Transactions for PostgresStore {
    type Connection = PgConnection;
    type Transaction = PostgresTransaction;

    fn is_retryable(error: &(dyn std::error::Error + 'static)) -> bool {
        error.downcast_ref().is_some_and(is_retryable)
    }

    async fn begin(&self) -> Result<Self::Transaction, Error> {
        let begin = match self.inner().units.server().is_pooled {
            true => include_str!("sql/begin_pooled.sql"),
            false => include_str!("sql/begin.sql"),
        };
        let begin = begin.into_sql_str();
        match connections::begin(&self.inner().units, begin).await {
            Ok(lent) => Ok(PostgresTransaction::new(lent)),
            Err(error @ sqlx::Error::PoolTimedOut) => Err(none_is_free(error)),
            Err(error) => Err(failed(|| "cannot begin a transaction".to_owned())(error)),
        }
    }

    async fn append(
        &self,
        transaction: &mut Self::Transaction,
        envelopes: &[Envelope],
    ) -> Result<(), Error> {
        // The driver has rolled it back, because its own begin was dropped half-way.
        let is_over = !transaction.is_in_transaction();
        match self.appended(transaction, envelopes).await {
            Ok(is_open) if is_open && !is_over => {
                transaction.has_appended |= !envelopes.is_empty();
                Ok(())
            }
            Ok(_) => Err(over(ENDED)),
            Err(error) if is_aborted(&error) => Err(over(error)),
            Err(error) => Err(failed(|| "cannot append to the log".to_owned())(error)),
        }
    }

    async fn savepoint(
        &self,
        transaction: &mut Self::Transaction,
        savepoint: Savepoint,
        depth: u32,
    ) -> Result<(), Error> {
        let statement = match savepoint {
            Savepoint::Open => format!("SAVEPOINT ensue_{depth}"),
            Savepoint::Release => format!("RELEASE SAVEPOINT ensue_{depth}"),
            Savepoint::RollBack => {
                format!("ROLLBACK TO SAVEPOINT ensue_{depth}; RELEASE SAVEPOINT ensue_{depth}")
            }
        };
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut **transaction)
            .await
            .map(drop)
            .map_err(failed(|| format!("cannot {savepoint} a savepoint")))
    }

    async fn commit(&self, transaction: Self::Transaction) -> Result<(), Error> {
        let has_appended = transaction.has_appended;
        transaction.commit().await.map_err(not_committed)?;
        if has_appended {
            self.inner().signals.committed();
        }
        Ok(())
    }

    async fn rollback(&self, transaction: Self::Transaction) -> Result<(), Error> {
        transaction.roll_back().await.map_err(failed(|| "cannot roll back".to_owned()))
    }
}

impl PostgresStore {
    /// Whether the transaction is the one that was begun, and still open. Otherwise nothing was
    /// appended.
    async fn appended(
        &self,
        connection: &mut PgConnection,
        envelopes: &[Envelope],
    ) -> sqlx::Result<bool> {
        let inner = self.inner();
        let is_prepared = !inner.units.server().is_pooled;
        if envelopes.is_empty() {
            return sqlx::query_scalar(include_str!("sql/verify.sql"))
                .persistent(is_prepared)
                .fetch_one(connection)
                .await;
        }
        let schema = &inner.reader.schema;
        let inserted =
            append::insert(connection, &VERIFIED, schema, envelopes, is_prepared).await?;
        Ok(u64::try_from(envelopes.len()) == Ok(inserted))
    }
}

/// The append that inserts nothing once the transaction is over, on the same way to the database.
static VERIFIED: LazyLock<Statements> = LazyLock::new(|| {
    let verified = |statement: &str| {
        let verify = include_str!("sql/verify.sql").rsplit("SELECT").next().unwrap_or_default();
        let both = format!("WHERE are_met AND {}", verify.trim());
        statement.replace("WHERE are_met", &both).into()
    };
    Statements { single: verified(append::SINGLE), any: verified(append::STATEMENT) }
});

fn none_is_free(error: sqlx::Error) -> Error {
    let what = format!(
        "waited {WAIT_MAX:?} for one of this process's connections for units of work; whoever holds \
         them may itself be waiting for this: inside a unit of work open no second one, or allow \
         more connections"
    );
    Error::store(what, error, true)
}

/// Why it is over.
pub(crate) const ENDED: &str = "it was committed or rolled back by a statement in it";

/// What was to be done in it is not done.
pub(crate) fn over(why: impl Into<ensue::BoxError>) -> Error {
    let what = "cannot commit: the transaction is over already; a statement that failed, or one \
                that said so, has ended it: propagate the errors of statements, and leave COMMIT \
                and ROLLBACK to the unit of work";
    Error::store(what, why, false)
}
