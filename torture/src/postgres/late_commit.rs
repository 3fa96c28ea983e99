//! A transaction that appends, and is committed when everybody else has long gone on.

use std::time::Duration;

use ensue::{BoxError, Store, Transactions};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::attempt::{Attempt, Audience};
use crate::backend::Backend;
use crate::defendant::Defendant;
use crate::evidence::Witness;
use crate::ours::envelopes;
use crate::plan::{End, Plan};

/// A transaction that appends, and is committed when everybody else has long gone on.
#[derive(Debug)]
pub(crate) struct LateCommit {
    pub(crate) address: String,
    /// A number of its own, and so a key of its own.
    pub(crate) writer: u16,
    pub(crate) events: u32,
    pub(crate) hold: Duration,
}

/// LIMIT: attempts to end a prepared transaction, so long apart. A server that starts takes seconds.
const ATTEMPTS_MAX: u32 = 600;
const PAUSE: Duration = Duration::from_millis(100);

/// SQLSTATE: there is no prepared transaction of that name.
const UNDEFINED_OBJECT: &str = "42704";

impl LateCommit {
    /// In one session, which may be lost before.
    pub(crate) async fn commit<D: Defendant>(&self, witness: &Witness) {
        let Ok(defendant) = D::open(&self.address).await else { return };
        // Whatever it says, the witness was told.
        drop(defendant.carry_out(&self.attempt(witness)).await);
    }

    /// In two phases, of which the second one is another session's, and survives a crash in between.
    pub(super) async fn prepare<B>(
        &self,
        witness: &Witness,
        options: &PgConnectOptions,
    ) -> Result<(), BoxError>
    where
        B: Backend<Store: Transactions<Connection = PgConnection>>,
    {
        let attempt = self.attempt(witness);
        let Ok(store) = B::open(&self.address).await else { return Ok(()) };
        let Ok(mut transaction) = append(&store, &attempt).await else { return Ok(()) };
        attempt.committing(attempt.first_of_writer())?;
        let prepare = format!("PREPARE TRANSACTION 'late-{}'", self.writer);
        let prepared = sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *transaction).await;
        drop(transaction);
        tokio::time::sleep(self.hold).await;
        // Without an answer it may be prepared, and must not be left behind.
        let is_done = self.commit_prepared(options).await?;
        if is_done && prepared.is_ok() {
            attempt.acknowledged()?;
        }
        Ok(())
    }

    /// Whether that is certain.
    async fn commit_prepared(&self, options: &PgConnectOptions) -> Result<bool, BoxError> {
        let commit = format!("COMMIT PREPARED 'late-{}'", self.writer);
        for _ in 0..ATTEMPTS_MAX {
            match execute(options, &commit).await {
                Ok(()) => return Ok(true),
                Err(error) if code(&error).as_deref() == Some(UNDEFINED_OBJECT) => {
                    return Ok(false);
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        Err(format!("cannot {commit}").into())
    }

    fn attempt(&self, witness: &Witness) -> Attempt {
        let plan = Plan {
            hot: None,
            events: self.events,
            takes_id_early: false,
            appends_early: true,
            hold: self.hold,
            end: End::Commit,
        };
        Attempt::new(plan, self.writer, 1, Audience::Witness(witness.clone()))
    }
}

async fn append<S: Store>(store: &S, attempt: &Attempt) -> Result<S::Transaction, BoxError> {
    let mut transaction = store.begin().await?;
    let envelopes = envelopes(attempt.first_of_writer(), attempt.plan.events)?;
    store.append(&mut transaction, &envelopes).await?;
    Ok(transaction)
}

async fn execute(options: &PgConnectOptions, statement: &str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect_with(options).await?;
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.map(drop)
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(Into::into)
}
