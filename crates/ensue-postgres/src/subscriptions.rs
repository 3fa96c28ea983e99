//! Owners, leases, cursors, what is set aside, and what operators ask for.

mod lease;
mod progress;
mod requests;
mod retention;
mod rows;

use std::time::Duration;

use ensue::store::columns::Numbered;
use ensue::subscription::{
    Change, Claim, Command, Epoch, Pruned, Request, RequestId, SubscriptionStatus, TakeOver, Term,
    Unhandled,
};
use ensue::{Error, Log, Position, Start, Subscriptions};
use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{Arguments, Connection, PgConnection, Row, SqlSafeStr};

use crate::PostgresStore;
use crate::error::failed;
use crate::schema::Schema;
use crate::transaction::PostgresTransaction;
use crate::transactions::{ENDED, over};
use retention::Step;

/// A connection in a transaction, and whose tables its statements are for.
pub(crate) struct Open<'c> {
    connection: &'c mut PgConnection,
    schema: &'c Schema,
    is_prepared: bool,
}

/// LIMIT: how often it is tried to drop a partition that somebody reads. A page of the log takes
/// milliseconds; a backup may take hours, and is not waited for.
const DROP_TRIES: u32 = 10;

/// In which all those go on who had to wait for the last one.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

pub(crate) type Statement<'q> = Query<'q, Postgres, PgArguments>;

impl Open<'_> {
    /// Whether the transaction is still the one that was begun.
    async fn is_open(&mut self) -> sqlx::Result<bool> {
        let verify = self.query(include_str!("sql/verify.sql"));
        let verified = self.fetch_optional(verify).await?;
        verified.map_or(Ok(false), |row| row.try_get(0))
    }

    pub(crate) fn query(&self, statement: &'static str) -> Statement<'static> {
        sqlx::query(self.schema.sql(statement)).persistent(self.is_prepared)
    }

    pub(crate) fn query_with(
        &self,
        statement: &'static str,
        arguments: PgArguments,
    ) -> Statement<'static> {
        sqlx::query_with(self.schema.sql(statement), arguments).persistent(self.is_prepared)
    }

    pub(crate) async fn execute(&mut self, statement: Statement<'_>) -> sqlx::Result<u64> {
        Ok(statement.execute(&mut *self.connection).await?.rows_affected())
    }

    pub(crate) async fn fetch_all(&mut self, statement: Statement<'_>) -> sqlx::Result<Vec<PgRow>> {
        statement.fetch_all(&mut *self.connection).await
    }

    pub(crate) async fn fetch_optional(
        &mut self,
        statement: Statement<'_>,
    ) -> sqlx::Result<Option<PgRow>> {
        statement.fetch_optional(&mut *self.connection).await
    }
}

impl Subscriptions for PostgresStore {
    /// ORDERING: the barrier comes first, so that the head is after all that was committed before
    /// the call.
    async fn register(
        &self,
        subscription: &str,
        start: Start,
        event_types: &[&str],
    ) -> Result<(), Error> {
        let what = || format!("cannot register subscription `{subscription}`");
        let start = match start {
            Start::Head => Some(self.barrier().await?),
            Start::Beginning => None,
        };
        let mut transaction = self.begin_short().await.map_err(failed(what))?;
        let open = &mut self.open_in(&mut transaction);
        let registered = lease::register(open, subscription, start, event_types).await;
        registered.map_err(failed(what))?;
        transaction.commit().await.map_err(failed(what))
    }

    /// ORDERING: under the lock of the owner's row, so that what the new owner is told is what the
    /// one before has left, and that nobody else is told the same. Who is refused at first sight
    /// takes no lock, and holds up nobody.
    async fn take_over(
        &self,
        subscription: &str,
        owner: &str,
        length: Duration,
    ) -> Result<TakeOver, Error> {
        let what = || format!("cannot take over subscription `{subscription}`");
        let mut transaction = self.begin_short().await.map_err(failed(what))?;
        let open = &mut self.open_in(&mut transaction);
        let mut held = lease::held(open, subscription, owner).await.map_err(failed(what))?;
        if held.is_none() {
            if !lease::lock(open, subscription).await.map_err(failed(what))? {
                return Err(unregistered(subscription));
            }
            held = lease::held(open, subscription, owner).await.map_err(failed(what))?;
        }
        let answer = match held {
            Some(held) => {
                let stood_by = lease::stand_by(open, subscription, owner, length).await;
                stood_by.map_err(failed(what))?;
                held
            }
            None => TakeOver::Granted(
                term(open, subscription, owner, length).await.map_err(failed(what))?,
            ),
        };
        transaction.commit().await.map_err(failed(what))?;
        Ok(answer)
    }

    async fn renew(
        &self,
        subscription: &str,
        epoch: Epoch,
        length: Duration,
    ) -> Result<bool, Error> {
        self.change_lease(subscription, epoch, length).await
    }

    async fn release(&self, subscription: &str, epoch: Epoch) -> Result<(), Error> {
        self.change_lease(subscription, epoch, Duration::ZERO).await.map(drop)
    }

    async fn claims(&self) -> Result<Vec<Claim>, Error> {
        let what = || "cannot read who owns which subscription".to_owned();
        let rows = self.fetch_own(include_str!("sql/read_claims.sql"), PgArguments::default());
        lease::claims(&rows.await.map_err(failed(what))?).map_err(failed(what))
    }

    async fn record(
        &self,
        transaction: &mut Self::Transaction,
        subscription: &str,
        epoch: Epoch,
        changes: &[Change],
    ) -> Result<(), Error> {
        // The driver has rolled it back, because its own begin was dropped half-way.
        if !transaction.is_in_transaction() {
            return Err(over(ENDED));
        }
        progress::record(&mut self.open_in(transaction), subscription, epoch, changes).await
    }

    async fn request(
        &self,
        subscription: &str,
        command: &Command,
        reason: &str,
    ) -> Result<RequestId, Error> {
        let what = || format!("cannot ask for a change to subscription `{subscription}`");
        let mut transaction = self.begin_short().await.map_err(failed(what))?;
        let open = &mut self.open_in(&mut transaction);
        let id = requests::insert(open, subscription, command, reason).await;
        let id = id.map_err(failed(what))?;
        transaction.commit().await.map_err(failed(what))?;
        Ok(id)
    }

    async fn pending_requests(&self) -> Result<Vec<Request>, Error> {
        let what = || "cannot read what operators ask for".to_owned();
        let statement = include_str!("sql/read_pending_requests.sql");
        let rows = self.fetch_own(statement, PgArguments::default()).await.map_err(failed(what))?;
        rows.iter().map(requests::request).collect::<Result<_, _>>().map_err(failed(what))
    }

    async fn find_request(&self, id: RequestId) -> Result<Option<Request>, Error> {
        let what = || format!("cannot read request {}", id.get());
        let arguments = bound(id.number()).map_err(failed(what))?;
        let rows = self.fetch_own(include_str!("sql/read_request.sql"), arguments).await;
        let rows = rows.map_err(failed(what))?;
        rows.first().map(requests::request).transpose().map_err(failed(what))
    }

    async fn subscriptions(&self) -> Result<Vec<String>, Error> {
        let what = || "cannot read which subscriptions there are".to_owned();
        let statement = include_str!("sql/read_subscriptions.sql");
        let rows = self.fetch_own(statement, PgArguments::default()).await.map_err(failed(what))?;
        rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(failed(what))
    }

    async fn prune(&self, up_to: Position, unhandled: Unhandled) -> Result<Pruned, Error> {
        let what = || format!("cannot prune the log up to position {up_to}");
        let mut tries = DROP_TRIES;
        loop {
            let mut transaction = self.begin_short().await.map_err(failed(what))?;
            let open = &mut self.open_in(&mut transaction);
            match retention::step(open, up_to, unhandled).await.map_err(failed(what))? {
                Step::Forgot => transaction.commit().await.map_err(failed(what))?,
                Step::Done(pruned) => {
                    transaction.commit().await.map_err(failed(what))?;
                    return Ok(pruned);
                }
                Step::Held(pruned) => {
                    transaction.roll_back().await.map_err(failed(what))?;
                    tries -= 1;
                    if tries == 0 {
                        tracing::warn!(
                            "a long transaction reads the log: pruning goes on next time"
                        );
                        return Ok(pruned);
                    }
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
            }
        }
    }

    async fn status(&self, subscription: &str) -> Result<Option<SubscriptionStatus>, Error> {
        let what = || format!("cannot read where subscription `{subscription}` stands");
        let begin = include_str!("sql/begin_reading.sql").into_sql_str();
        let lent = self.inner().reader.own.begin(begin).await.map_err(failed(what))?;
        let mut transaction = PostgresTransaction::new(lent);
        let status = rows::status(&mut self.open_in(&mut transaction), subscription).await;
        let status = status.map_err(failed(what))?;
        transaction.commit().await.map_err(failed(what))?;
        Ok(status)
    }
}

/// What a new owner starts from.
async fn term(
    open: &mut Open<'_>,
    subscription: &str,
    owner: &str,
    length: Duration,
) -> sqlx::Result<Term> {
    let start = lease::start(open, subscription, owner, length).await?;
    Ok(Term {
        epoch: start.epoch,
        cursor: start.cursor,
        paused: start.paused,
        is_handed_over: start.is_handed_over,
        receipts: rows::receipts(open, subscription).await?,
        set_aside: rows::set_aside(open, subscription).await?,
        event_types: rows::event_types(open, subscription).await?,
    })
}

impl PostgresStore {
    /// Whether `epoch` was there to have its lease changed.
    async fn change_lease(
        &self,
        subscription: &str,
        epoch: Epoch,
        length: Duration,
    ) -> Result<bool, Error> {
        let what = || format!("cannot change the lease of subscription `{subscription}`");
        let mut transaction = self.begin_short().await.map_err(failed(what))?;
        let open = &mut self.open_in(&mut transaction);
        let changed = lease::change(open, subscription, epoch, length).await;
        let changed = changed.map_err(failed(what))?;
        transaction.commit().await.map_err(failed(what))?;
        Ok(changed)
    }

    pub(crate) async fn begin_short(&self) -> sqlx::Result<PostgresTransaction> {
        let begin = include_str!("sql/begin_own.sql").into_sql_str();
        Ok(PostgresTransaction::new(self.inner().reader.own.begin(begin).await?))
    }

    pub(crate) fn open_in<'c>(&'c self, connection: &'c mut PgConnection) -> Open<'c> {
        let reader = &self.inner().reader;
        Open { connection, schema: &reader.schema, is_prepared: !reader.own.is_pooled() }
    }

    pub(crate) async fn fetch_own(
        &self,
        statement: &'static str,
        arguments: PgArguments,
    ) -> sqlx::Result<Vec<PgRow>> {
        let reader = &self.inner().reader;
        reader.own.fetch_all(reader.schema.sql(statement), arguments).await
    }
}

fn bound(number: i64) -> sqlx::Result<PgArguments> {
    let mut arguments = PgArguments::default();
    arguments.add(number).map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

fn unregistered(subscription: &str) -> Error {
    Error::configuration(format!("subscription `{subscription}` was never registered"))
}
