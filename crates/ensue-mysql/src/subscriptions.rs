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
use sqlx::mysql::{MySql, MySqlArguments, MySqlRow};
use sqlx::query::Query;
use sqlx::{Arguments, MySqlConnection, Row};

use crate::MysqlStore;
use crate::error::failed;
use crate::sql::sql;
use crate::transaction::MysqlTransaction;

type Statement<'q> = Query<'q, MySql, MySqlArguments>;

impl Subscriptions for MysqlStore {
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
        let registered = lease::register(&mut transaction, subscription, start, event_types).await;
        registered.map_err(failed(what))?;
        transaction.commit().await
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
        let mut held =
            lease::held(&mut transaction, subscription, owner).await.map_err(failed(what))?;
        if held.is_none() {
            if !lease::lock(&mut transaction, subscription).await.map_err(failed(what))? {
                return Err(unregistered(subscription));
            }
            held =
                lease::held(&mut transaction, subscription, owner).await.map_err(failed(what))?;
        }
        let answer = match held {
            Some(held) => {
                let stood_by = lease::stand_by(&mut transaction, subscription, owner, length).await;
                stood_by.map_err(failed(what))?;
                held
            }
            None => TakeOver::Granted(
                term(&mut transaction, subscription, owner, length).await.map_err(failed(what))?,
            ),
        };
        transaction.commit().await?;
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
        let rows = self.fetch_own(sql!("read_claims"), MySqlArguments::default());
        lease::claims(&rows.await.map_err(failed(what))?).map_err(failed(what))
    }

    async fn record(
        &self,
        transaction: &mut Self::Transaction,
        subscription: &str,
        epoch: Epoch,
        changes: &[Change],
    ) -> Result<(), Error> {
        transaction.check()?;
        progress::record(transaction, subscription, epoch, changes).await
    }

    async fn request(
        &self,
        subscription: &str,
        command: &Command,
        reason: &str,
    ) -> Result<RequestId, Error> {
        let what = || format!("cannot ask for a change to subscription `{subscription}`");
        let mut transaction = self.begin_short().await.map_err(failed(what))?;
        let id = requests::insert(&mut transaction, subscription, command, reason).await;
        let id = id.map_err(failed(what))?;
        transaction.commit().await?;
        Ok(id)
    }

    async fn pending_requests(&self) -> Result<Vec<Request>, Error> {
        let what = || "cannot read what operators ask for".to_owned();
        let statement = sql!("read_pending_requests");
        let rows =
            self.fetch_own(statement, MySqlArguments::default()).await.map_err(failed(what))?;
        rows.iter().map(requests::request).collect::<Result<_, _>>().map_err(failed(what))
    }

    async fn find_request(&self, id: RequestId) -> Result<Option<Request>, Error> {
        let what = || format!("cannot read request {}", id.get());
        let arguments = bound(id.number()).map_err(failed(what))?;
        let rows = self.fetch_own(sql!("read_request"), arguments).await;
        let rows = rows.map_err(failed(what))?;
        rows.first().map(requests::request).transpose().map_err(failed(what))
    }

    async fn subscriptions(&self) -> Result<Vec<String>, Error> {
        let what = || "cannot read which subscriptions there are".to_owned();
        let statement = sql!("read_subscriptions");
        let rows =
            self.fetch_own(statement, MySqlArguments::default()).await.map_err(failed(what))?;
        rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(failed(what))
    }

    async fn prune(&self, up_to: Position, unhandled: Unhandled) -> Result<Pruned, Error> {
        let what = || format!("cannot prune the log up to position {up_to}");
        loop {
            let mut transaction = self.begin_short().await.map_err(failed(what))?;
            let step = retention::step(&mut transaction, up_to, unhandled).await;
            let step = step.map_err(failed(what))?;
            transaction.commit().await?;
            if let Some(pruned) = step {
                return Ok(pruned);
            }
        }
    }

    async fn status(&self, subscription: &str) -> Result<Option<SubscriptionStatus>, Error> {
        let what = || format!("cannot read where subscription `{subscription}` stands");
        let begin = sql!("begin_reading");
        let lent = self.inner().reader.own.begin(begin).await.map_err(failed(what))?;
        let mut transaction = MysqlTransaction::new(lent);
        let status = rows::status(&mut transaction, subscription).await;
        let status = status.map_err(failed(what))?;
        transaction.commit().await?;
        Ok(status)
    }
}

/// What a new owner starts from.
async fn term(
    connection: &mut MySqlConnection,
    subscription: &str,
    owner: &str,
    length: Duration,
) -> sqlx::Result<Term> {
    let start = lease::start(connection, subscription, owner, length).await?;
    Ok(Term {
        epoch: start.epoch,
        cursor: start.cursor,
        paused: start.paused,
        is_handed_over: start.is_handed_over,
        receipts: rows::receipts(connection, subscription).await?,
        set_aside: rows::set_aside(connection, subscription).await?,
        event_types: rows::event_types(connection, subscription).await?,
    })
}

impl MysqlStore {
    /// Whether `epoch` was there to have its lease changed.
    async fn change_lease(
        &self,
        subscription: &str,
        epoch: Epoch,
        length: Duration,
    ) -> Result<bool, Error> {
        let what = || format!("cannot change the lease of subscription `{subscription}`");
        let mut transaction = self.begin_short().await.map_err(failed(what))?;
        let changed = lease::change(&mut transaction, subscription, epoch, length).await;
        let changed = changed.map_err(failed(what))?;
        transaction.commit().await?;
        Ok(changed)
    }

    pub(crate) async fn begin_short(&self) -> sqlx::Result<MysqlTransaction> {
        let begin = sql!("begin");
        Ok(MysqlTransaction::new(self.inner().reader.own.begin(begin).await?))
    }

    pub(crate) async fn fetch_own(
        &self,
        statement: &'static str,
        arguments: MySqlArguments,
    ) -> sqlx::Result<Vec<MySqlRow>> {
        self.inner().reader.own.fetch_all(statement, arguments).await
    }
}

fn bound(number: i64) -> sqlx::Result<MySqlArguments> {
    let mut arguments = MySqlArguments::default();
    arguments.add(number).map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

fn unregistered(subscription: &str) -> Error {
    Error::configuration(format!("subscription `{subscription}` was never registered"))
}
