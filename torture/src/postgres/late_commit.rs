//! A transaction that appends, and is committed when everybody else has long gone on.

use std::time::Duration;

use ensue::{BoxError, Transactions};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::backend::Backend;
use crate::evidence::Witness;
use crate::history::TransactionId;
use crate::mark::{Key, Mark};
use crate::moment::Moment;
use crate::report::Report;
use crate::writer::envelopes;

/// A transaction that appends, and is committed when everybody else has long gone on.
#[derive(Debug)]
pub(super) struct LateCommit {
    pub(super) address: String,
    /// A number of its own, and so a key of its own.
    pub(super) writer: u16,
    pub(super) events: u32,
    pub(super) hold: Duration,
}

/// LIMIT: attempts to end a prepared transaction, so long apart. A server that starts takes seconds.
const ATTEMPTS_MAX: u32 = 600;
const PAUSE: Duration = Duration::from_millis(100);

/// SQLSTATE: there is no prepared transaction of that name.
const UNDEFINED_OBJECT: &str = "42704";

impl LateCommit {
    /// In one session, which may be lost before.
    pub(super) async fn commit<B: Backend>(&self, witness: &Witness) -> Result<(), BoxError> {
        let began = Moment::now();
        let Ok(store) = B::open(&self.address).await else { return Ok(()) };
        let Ok(transaction) = self.append::<B>(&store).await else { return Ok(()) };
        tokio::time::sleep(self.hold).await;
        self.committing(witness, began);
        if store.commit(transaction).await.is_ok() {
            self.acknowledged(witness);
        }
        Ok(())
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
        let began = Moment::now();
        let Ok(store) = B::open(&self.address).await else { return Ok(()) };
        let Ok(mut transaction) = self.append::<B>(&store).await else { return Ok(()) };
        self.committing(witness, began);
        let prepare = format!("PREPARE TRANSACTION 'late-{}'", self.writer);
        let prepared = sqlx::raw_sql(AssertSqlSafe(prepare)).execute(&mut *transaction).await;
        drop(transaction);
        tokio::time::sleep(self.hold).await;
        // Without an answer it may be prepared, and must not be left behind.
        let is_done = self.commit_prepared(options).await?;
        if is_done && prepared.is_ok() {
            self.acknowledged(witness);
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

    async fn append<B: Backend>(
        &self,
        store: &B::Store,
    ) -> Result<<B::Store as Transactions>::Transaction, BoxError> {
        let mut transaction = store.begin().await?;
        store.append(&mut transaction, &envelopes(self.first(), self.events)?).await?;
        Ok(transaction)
    }

    fn first(&self) -> Mark {
        Mark::first(self.id(), Key::of_writer(self.writer), 1)
    }

    fn id(&self) -> TransactionId {
        TransactionId::new(self.writer, 1)
    }

    fn committing(&self, witness: &Witness, began: Moment) {
        let (first, events) = (self.first(), self.events);
        witness.evidence().hear(Report::Committing { first, events, began });
    }

    fn acknowledged(&self, witness: &Witness) {
        witness.evidence().hear(Report::Acknowledged { id: self.id(), at: Moment::now() });
    }
}

async fn execute(options: &PgConnectOptions, statement: &str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect_with(options).await?;
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.map(drop)
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(Into::into)
}
