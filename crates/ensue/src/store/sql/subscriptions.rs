//! Owners, leases, cursors, what is set aside, and what operators ask for.

mod lease;
mod recording;
mod retirement;
mod rows;

use std::time::Duration;

use ensue_core::{Position, Timestamp};

use super::value::{behind, only, there, words};
use super::{Call, Purpose, Row, SqlStore, Statements, Value, What, unreadable};
use crate::store::columns::{CommandColumns, Numbered, SetAsideColumns};
use crate::subscription::{
    Change, Claim, Command, Epoch, Pruned, Request, RequestId, Start, SubscriptionStatus, TakeOver,
    Term, Unhandled,
};
use crate::{Error, Log, Subscriptions};

pub use self::recording::record;
#[cfg(test)]
pub(super) use self::{
    lease::claim,
    rows::{request, set_aside, status},
};

/// A store that speaks SQL, and so keeps [`Subscriptions`].
pub trait SqlSubscriptions: SqlStore + Log {
    /// The rows of two statements that only read what is committed, all of it of one moment.
    fn fetch_at_once(
        &self,
        calls: [Call<'_, Self::Statement>; 2],
    ) -> impl Future<Output = Result<[Vec<Self::Row>; 2], Error>> + Send;

    /// Whether the transaction is still the one that was begun, as far as is known without asking.
    ///
    /// # Errors
    /// When it is over.
    fn check_open(&self, transaction: &Self::Transaction) -> Result<(), Error>;

    /// What it means that `transaction` was not let through the fence of a subscription: `fenced`, unless
    /// it is over.
    fn refused(
        &self,
        transaction: &mut Self::Transaction,
        fenced: Error,
    ) -> impl Future<Output = Error> + Send;

    /// What it means that progress was not recorded because of `error`: `fenced`, if that says that a
    /// transaction which sees no newer rows than when it began to look cannot lock the owner's row, as
    /// there was a take-over.
    fn not_recorded(error: Error, fenced: Error) -> Error;

    /// Sets these entries aside, each once, or gives those that are there their new state; answers how many
    /// at least. When a dependency is away there may be thousands.
    fn set_aside_all(
        &self,
        transaction: &mut Self::Transaction,
        subscription: &str,
        entries: Vec<SetAsideColumns>,
    ) -> impl Future<Output = Result<u64, Error>> + Send;

    /// As [`Subscriptions::record`], in a transaction that was [checked](Self::check_open): by [`record`],
    /// unless the database has a faster way for some of it.
    fn record_changes(
        &self,
        transaction: &mut Self::Transaction,
        subscription: &str,
        epoch: Epoch,
        changes: &[Change],
    ) -> impl Future<Output = Result<(), Error>> + Send
    where
        Self: Sized,
    {
        record(self, transaction, subscription, epoch, changes)
    }

    /// As [`Subscriptions::prune`].
    fn prune_log(
        &self,
        up_to: Position,
        unhandled: Unhandled,
    ) -> impl Future<Output = Result<Pruned, Error>> + Send;
}

impl<S: SqlSubscriptions> Subscriptions for S {
    /// ORDERING: the barrier comes first, so that the head is after all that was committed before
    /// the call.
    async fn register(
        &self,
        subscription: &str,
        start: Start,
        event_types: &[&str],
    ) -> Result<(), Error> {
        let start = match start {
            Start::Head => Some(self.barrier().await?),
            Start::Beginning => None,
        };
        let mut own = Own::begin(self, Purpose::Change, subscription, "register").await?;
        own.register(start, event_types).await?;
        own.commit().await
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
        let mut own = Own::begin(self, Purpose::TakeOver, subscription, "take over").await?;
        let mut held = own.held(owner).await?;
        if held.is_none() {
            own.lock_or_fail().await?;
            own.refuse_retired().await?;
            held = own.held(owner).await?;
        }
        let answer = match held {
            Some(held) => {
                own.stand_by(owner, length).await?;
                held
            }
            None => TakeOver::Granted(own.begin_term(owner, length).await?),
        };
        own.commit().await?;
        Ok(answer)
    }

    async fn renew(
        &self,
        subscription: &str,
        epoch: Epoch,
        length: Duration,
    ) -> Result<bool, Error> {
        let mut own = Own::begin(self, Purpose::Lease, subscription, "change the lease of").await?;
        let is_changed = own.change_lease(epoch, length).await?;
        own.commit().await?;
        Ok(is_changed)
    }

    async fn release(&self, subscription: &str, epoch: Epoch) -> Result<(), Error> {
        self.renew(subscription, epoch, Duration::ZERO).await.map(drop)
    }

    async fn claims(&self) -> Result<Vec<Claim>, Error> {
        let what: What<'_> = &|| "cannot read who owns which subscription".to_owned();
        let read = Call::new(&self.statements().read_claims, &[], what);
        let rows = self.fetch_committed(Purpose::Lease, read).await?;
        let claims = rows.iter().map(lease::claim).collect::<Result<_, _>>();
        claims.map_err(unreadable(what))
    }

    async fn record(
        &self,
        transaction: &mut Self::Transaction,
        subscription: &str,
        epoch: Epoch,
        changes: &[Change],
    ) -> Result<(), Error> {
        self.check_open(transaction)?;
        self.record_changes(transaction, subscription, epoch, changes).await
    }

    async fn request(
        &self,
        subscription: &str,
        command: &Command,
        reason: &str,
    ) -> Result<RequestId, Error> {
        let mut own =
            Own::begin(self, Purpose::Change, subscription, "ask for a change to").await?;
        let id = own.insert_request(command, reason).await?;
        own.commit().await?;
        Ok(id)
    }

    async fn pending_requests(&self) -> Result<Vec<Request>, Error> {
        let what: What<'_> = &|| "cannot read what operators ask for".to_owned();
        let read = Call::new(&self.statements().read_pending_requests, &[], what);
        let rows = self.fetch_committed(Purpose::Reading, read).await?;
        rows.iter().map(rows::request).collect::<Result<_, _>>().map_err(unreadable(what))
    }

    async fn find_request(&self, id: RequestId) -> Result<Option<Request>, Error> {
        let what: What<'_> = &|| format!("cannot read request {}", id.get());
        let values = [id.number().into()];
        let read = Call::new(&self.statements().read_request, &values, what);
        let rows = self.fetch_committed(Purpose::Reading, read).await?;
        rows.first().map(rows::request).transpose().map_err(unreadable(what))
    }

    async fn retire(&self, subscription: &str, reason: &str) -> Result<(), Error> {
        let mut own = Own::begin(self, Purpose::TakeOver, subscription, "retire").await?;
        own.retire(reason).await?;
        own.commit().await
    }

    async fn revive(&self, subscription: &str) -> Result<(), Error> {
        let mut own = Own::begin(self, Purpose::Change, subscription, "revive").await?;
        own.execute(|of| &of.revive, []).await?;
        own.commit().await
    }

    async fn clock(&self) -> Result<Timestamp, Error> {
        let what: What<'_> = &|| "cannot read the clock".to_owned();
        let rows = self
            .fetch_committed(Purpose::Reading, Call::new(&self.statements().read_clock, &[], what))
            .await?;
        let micros = only(&rows).and_then(|row| there(row.number(0)));
        micros.map(Timestamp::from_micros).map_err(unreadable(what))
    }

    async fn subscriptions(&self) -> Result<Vec<String>, Error> {
        let what: What<'_> = &|| "cannot read which subscriptions there are".to_owned();
        let read = Call::new(&self.statements().read_subscriptions, &[], what);
        let rows = self.fetch_committed(Purpose::Reading, read).await?;
        Ok(rows.iter().filter_map(|row| words(row, 0)).collect())
    }

    async fn prune(&self, up_to: Position, unhandled: Unhandled) -> Result<Pruned, Error> {
        self.prune_log(up_to, unhandled).await
    }

    async fn status(&self, subscription: &str) -> Result<Option<SubscriptionStatus>, Error> {
        let what: What<'_> = &|| format!("cannot read where subscription `{subscription}` stands");
        let (of, values) = (self.statements(), [subscription.into()]);
        let calls = [&of.read_status, &of.read_set_aside];
        let calls = calls.map(|statement| Call::new(statement, &values, what));
        let [status, set_aside] = self.fetch_at_once(calls).await?;
        rows::status(&status, &set_aside).map_err(unreadable(what))
    }
}

/// A transaction of the store's own, for one subscription.
struct Own<'o, S: SqlStore> {
    store: &'o S,
    transaction: S::Transaction,
    subscription: &'o str,
    /// What is done to it.
    verb: &'static str,
}

type Which<S> = fn(&Statements<<S as SqlStore>::Statement>) -> &<S as SqlStore>::Statement;

impl<'o, S: SqlSubscriptions> Own<'o, S> {
    async fn begin(
        store: &'o S,
        purpose: Purpose,
        subscription: &'o str,
        verb: &'static str,
    ) -> Result<Self, Error> {
        Ok(Self { store, transaction: store.begin_own(purpose).await?, subscription, verb })
    }

    async fn commit(self) -> Result<(), Error> {
        self.store.commit_own(self.transaction).await
    }

    /// Runs a statement with the subscription as `$1`, and these behind it.
    async fn execute<const N: usize>(
        &mut self,
        which: Which<S>,
        values: [Value<'_>; N],
    ) -> Result<u64, Error> {
        let Self { store, transaction, subscription, verb } = self;
        let what: What<'_> = &|| format!("cannot {verb} subscription `{subscription}`");
        let values = behind(subscription, values);
        store.execute(transaction, Call::new(which(store.statements()), &values, what)).await
    }

    async fn fetch<const N: usize>(
        &mut self,
        which: Which<S>,
        values: [Value<'_>; N],
    ) -> Result<Vec<S::Row>, Error> {
        let Self { store, transaction, subscription, verb } = self;
        let what: What<'_> = &|| format!("cannot {verb} subscription `{subscription}`");
        let values = behind(subscription, values);
        store.fetch(transaction, Call::new(which(store.statements()), &values, what)).await
    }

    /// Runs a statement without values.
    async fn fetch_bare(&mut self, which: Which<S>) -> Result<Vec<S::Row>, Error> {
        let Self { store, transaction, subscription, verb } = self;
        let what: What<'_> = &|| format!("cannot {verb} subscription `{subscription}`");
        store.fetch(transaction, Call::new(which(store.statements()), &[], what)).await
    }

    /// Of what a row says that cannot be so.
    fn unreadable(&self, error: crate::BoxError) -> Error {
        let Self { subscription, verb, .. } = self;
        Error::store(format!("cannot {verb} subscription `{subscription}`"), error, false)
    }

    /// ORDERING: the floor is locked first, so that nobody prunes what is to be replayed, and so that the
    /// last request is this one.
    async fn insert_request(
        &mut self,
        command: &Command,
        reason: &str,
    ) -> Result<RequestId, Error> {
        let columns = CommandColumns::from(command);
        self.fetch_bare(|of| &of.lock_floor).await?;
        let values = [
            columns.command.into(),
            columns.position.into(),
            columns.last_position.into(),
            columns.key.into(),
            columns.failure_class.into(),
            columns.at_most.into(),
            reason.into(),
        ];
        self.execute(|of| &of.insert_request, values).await?;
        let rows = self.fetch_bare(|of| &of.read_last_request).await?;
        let id = only(&rows).and_then(|row| there(row.number(0)));
        Ok(RequestId::new(id.map_err(|error| self.unreadable(error))?.unsigned_abs()))
    }

    /// What a new owner starts from.
    async fn begin_term(&mut self, owner: &str, length: Duration) -> Result<Term, Error> {
        let begun = self.start(owner, length).await?;
        Ok(Term {
            epoch: begun.epoch,
            cursor: begun.cursor,
            paused: begun.paused,
            is_handed_over: begun.is_handed_over,
            receipts: self.receipts().await?,
            set_aside: self.set_aside().await?,
            event_types: self.event_types().await?,
        })
    }
}

fn unregistered(subscription: &str) -> Error {
    Error::configuration(format!("subscription `{subscription}` was never registered"))
}
