//! Owners, leases, cursors, what is set aside, and what operators ask for.

mod event_types;
mod lease;
mod progress;
mod requests;
mod retention;
mod rows;

use std::time::{Duration, SystemTime};

use ensue::subscription::{
    Change, Claim, Command, Epoch, Pruned, Request, RequestId, SubscriptionStatus, TakeOver, Term,
    Unhandled,
};
use ensue::{Error, Position, Start, Subscriptions, Timestamp, Transactions};

use crate::SqliteStore;
use crate::error::failed;

impl Subscriptions for SqliteStore {
    async fn register(
        &self,
        subscription: &str,
        start: Start,
        event_types: &[&str],
    ) -> Result<(), Error> {
        let what = || format!("cannot register subscription `{subscription}`");
        let statement = match start {
            Start::Head => include_str!("sql/register_at_head.sql"),
            Start::Beginning => include_str!("sql/register_at_beginning.sql"),
        };
        let mut transaction = self.begin().await?;
        sqlx::query(statement)
            .bind(subscription)
            .bind(now().as_micros())
            .execute(&mut *transaction)
            .await
            .map_err(failed(what))?;
        let remembered = event_types::remember(&mut transaction, subscription, event_types).await;
        remembered.map_err(failed(what))?;
        transaction.commit().await.map_err(failed(what))
    }

    /// ORDERING: all in one transaction that holds the write lock, so that what the new owner is
    /// told is what the one before has left.
    async fn take_over(
        &self,
        subscription: &str,
        owner: &str,
        lease: Duration,
    ) -> Result<TakeOver, Error> {
        let what = || format!("cannot take over subscription `{subscription}`");
        let mut transaction = self.begin().await?;
        let (connection, now) = (&mut *transaction, now());
        let held = lease::held(connection, subscription, owner, now).await;
        if let Some(held) = held.map_err(failed(what))? {
            let standing = lease::stand_by(connection, subscription, owner, now, lease).await;
            standing.map_err(failed(what))?;
            transaction.commit().await.map_err(failed(what))?;
            return Ok(held);
        }
        let cursor = rows::cursor(connection, subscription).await.map_err(failed(what))?;
        let cursor = cursor.ok_or_else(|| unregistered(subscription))?;
        let term = async {
            Ok(Term {
                cursor,
                is_handed_over: lease::is_handed_over(connection, subscription, owner).await?,
                epoch: lease::start(connection, subscription, owner, now, lease).await?,
                receipts: rows::receipts(connection, subscription).await?,
                set_aside: rows::set_aside(connection, subscription).await?,
                event_types: event_types::read(connection, subscription).await?,
                paused: rows::pause(connection, subscription).await?.is_some(),
            })
        };
        let term = term.await.map_err(failed(what))?;
        transaction.commit().await.map_err(failed(what))?;
        Ok(TakeOver::Granted(term))
    }

    async fn renew(
        &self,
        subscription: &str,
        epoch: Epoch,
        lease: Duration,
    ) -> Result<bool, Error> {
        self.change_lease(subscription, epoch, lease).await
    }

    async fn release(&self, subscription: &str, epoch: Epoch) -> Result<(), Error> {
        self.change_lease(subscription, epoch, Duration::ZERO).await.map(drop)
    }

    async fn claims(&self) -> Result<Vec<Claim>, Error> {
        let claims = lease::claims(&self.0.log_reader, now()).await;
        claims.map_err(failed(|| "cannot read who owns which subscription".to_owned()))
    }

    async fn record(
        &self,
        transaction: &mut Self::Transaction,
        subscription: &str,
        epoch: Epoch,
        changes: &[Change],
    ) -> Result<(), Error> {
        progress::record(transaction, subscription, epoch, changes).await
    }

    async fn request(
        &self,
        subscription: &str,
        command: &Command,
        reason: &str,
    ) -> Result<RequestId, Error> {
        let what = || format!("cannot ask for a change to subscription `{subscription}`");
        let mut transaction = self.begin().await?;
        let id = requests::insert(&mut transaction, subscription, command, reason).await;
        let id = id.map_err(failed(what))?;
        transaction.commit().await.map_err(failed(what))?;
        Ok(id)
    }

    async fn pending_requests(&self) -> Result<Vec<Request>, Error> {
        let pending = requests::pending(&self.0.log_reader).await;
        pending.map_err(failed(|| "cannot read what operators ask for".to_owned()))
    }

    async fn find_request(&self, id: RequestId) -> Result<Option<Request>, Error> {
        let found = requests::find(&self.0.log_reader, id).await;
        found.map_err(failed(|| format!("cannot read request {}", id.get())))
    }

    async fn subscriptions(&self) -> Result<Vec<String>, Error> {
        sqlx::query_scalar(include_str!("sql/read_subscriptions.sql"))
            .fetch_all(&self.0.log_reader)
            .await
            .map_err(failed(|| "cannot read which subscriptions there are".to_owned()))
    }

    async fn prune(&self, up_to: Position, unhandled: Unhandled) -> Result<Pruned, Error> {
        self.prune_in_steps(up_to, unhandled).await
    }

    async fn status(&self, subscription: &str) -> Result<Option<SubscriptionStatus>, Error> {
        let what = || format!("cannot read where subscription `{subscription}` stands");
        // One transaction, so that all of it is of one moment.
        let mut transaction = self.reader().begin().await.map_err(failed(what))?;
        let status = async {
            let connection = &mut *transaction;
            let Some(cursor) = rows::cursor(connection, subscription).await? else {
                return Ok(None);
            };
            Ok(Some(SubscriptionStatus {
                cursor,
                set_aside: rows::set_aside(connection, subscription).await?,
                owner: lease::owner(connection, subscription, now()).await?,
                paused: rows::pause(connection, subscription).await?,
            }))
        };
        status.await.map_err(failed(what))
    }
}

impl SqliteStore {
    /// Whether `epoch` was there to have its lease changed.
    async fn change_lease(
        &self,
        subscription: &str,
        epoch: Epoch,
        lease: Duration,
    ) -> Result<bool, Error> {
        let what = || format!("cannot change the lease of subscription `{subscription}`");
        let mut transaction = self.begin().await?;
        let changed = lease::change(&mut transaction, subscription, epoch, now(), lease).await;
        let changed = changed.map_err(failed(what))?;
        transaction.commit().await.map_err(failed(what))?;
        Ok(changed)
    }
}

fn unregistered(subscription: &str) -> Error {
    Error::configuration(format!("subscription `{subscription}` was never registered"))
}

/// The database's clock: the one of its machine, which all its processes share.
pub(crate) fn now() -> Timestamp {
    SystemTime::now().into()
}
