//! Transactions, and appending in one.

use ensue::store::Savepoint;
use ensue::{Envelope, Error, Transactions};
use sqlx::{AssertSqlSafe, MySqlConnection};

use crate::MysqlStore;
use crate::append;
use crate::connections::{self, WAIT_MAX};
use crate::error::{failed, is_retryable};
use crate::sql::sql;
use crate::transaction::MysqlTransaction;

impl Transactions for MysqlStore {
    type Connection = MySqlConnection;
    type Transaction = MysqlTransaction;

    fn is_retryable(error: &(dyn std::error::Error + 'static)) -> bool {
        error.downcast_ref().is_some_and(is_retryable)
    }

    async fn begin(&self) -> Result<Self::Transaction, Error> {
        match connections::begin(&self.inner().units, sql!("begin")).await {
            Ok(lent) => Ok(MysqlTransaction::new(lent)),
            Err(error @ sqlx::Error::PoolTimedOut) => Err(none_is_free(error)),
            Err(error) => Err(failed(|| "cannot begin a transaction".to_owned())(error)),
        }
    }

    /// Whether the transaction is still the one that was begun is found out by the commit, on the same way
    /// to the database: what is done after the end of it is not committed, since nothing is by itself on
    /// this connection.
    async fn append(
        &self,
        transaction: &mut Self::Transaction,
        envelopes: &[Envelope],
    ) -> Result<(), Error> {
        transaction.check()?;
        let inserted = append::insert(transaction, envelopes).await;
        inserted.map_err(failed(|| "cannot append to the log".to_owned()))?;
        transaction.has_appended |= !envelopes.is_empty();
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
        transaction.commit().await?;
        if has_appended {
            self.inner().signals.committed();
        }
        Ok(())
    }

    async fn rollback(&self, transaction: Self::Transaction) -> Result<(), Error> {
        transaction.roll_back().await.map_err(failed(|| "cannot roll back".to_owned()))
    }
}

fn none_is_free(error: sqlx::Error) -> Error {
    let what = format!(
        "waited {WAIT_MAX:?} for one of this process's connections for units of work; whoever holds \
         them may itself be waiting for this: inside a unit of work open no second one, or allow \
         more connections"
    );
    Error::store(what, error, true)
}
