//! A store that stores nothing: what is left is the dispatch.

use std::ops::{Deref, DerefMut};
use std::time::{Duration, SystemTime};

use ensue::store::{LogId, Page, Read, Savepoint};
use ensue::subscription::{
    Change, Claim, Command, Epoch, Pruned, Request, RequestId, SubscriptionStatus, TakeOver,
    Unhandled,
};
use ensue::{
    DeadLetter, Envelope, Error, EventId, Inbox, Log, Position, Start, Subscriptions, Timestamp,
    Transactions,
};

/// A store that stores nothing.
#[derive(Debug, Clone, Copy)]
pub struct MemoryStore;

/// What would be a connection.
#[derive(Debug)]
pub struct NoConnection;

/// What would be a transaction.
#[derive(Debug)]
pub struct NoTransaction(NoConnection);

impl Deref for NoTransaction {
    type Target = NoConnection;

    fn deref(&self) -> &NoConnection {
        &self.0
    }
}

impl DerefMut for NoTransaction {
    fn deref_mut(&mut self) -> &mut NoConnection {
        &mut self.0
    }
}

impl Log for MemoryStore {
    async fn head(&self) -> Result<Position, Error> {
        Ok(Position::START)
    }

    /// A new identity at each call; no reader compares empty logs.
    async fn identity(&self) -> Result<LogId, Error> {
        Ok(LogId::new())
    }

    async fn read(&self, _: Page) -> Result<Vec<Read>, Error> {
        Ok(Vec::new())
    }

    async fn changed_elsewhere(&self) {
        std::future::pending::<()>().await;
    }
}

impl Transactions for MemoryStore {
    type Connection = NoConnection;
    type Transaction = NoTransaction;

    fn is_retryable(_: &(dyn std::error::Error + 'static)) -> bool {
        false
    }

    async fn begin(&self) -> Result<NoTransaction, Error> {
        Ok(NoTransaction(NoConnection))
    }

    async fn append(&self, _: &mut NoTransaction, _: &[Envelope]) -> Result<(), Error> {
        Ok(())
    }

    async fn savepoint(&self, _: &mut NoTransaction, _: Savepoint, _: u32) -> Result<(), Error> {
        Ok(())
    }

    async fn commit(&self, _: NoTransaction) -> Result<(), Error> {
        Ok(())
    }

    async fn rollback(&self, _: NoTransaction) -> Result<(), Error> {
        Ok(())
    }
}

impl Subscriptions for MemoryStore {
    async fn register(&self, _: &str, _: Start, _: &[&str]) -> Result<(), Error> {
        Err(no_subscriptions())
    }

    async fn take_over(&self, _: &str, _: &str, _: Duration) -> Result<TakeOver, Error> {
        Err(no_subscriptions())
    }

    async fn renew(&self, _: &str, _: Epoch, _: Duration) -> Result<bool, Error> {
        Err(no_subscriptions())
    }

    async fn release(&self, _: &str, _: Epoch) -> Result<(), Error> {
        Err(no_subscriptions())
    }

    async fn claims(&self) -> Result<Vec<Claim>, Error> {
        Ok(Vec::new())
    }

    async fn record(
        &self,
        _: &mut NoTransaction,
        _: &str,
        _: Epoch,
        _: &[Change],
    ) -> Result<(), Error> {
        Err(no_subscriptions())
    }

    async fn request(&self, _: &str, _: &Command, _: &str) -> Result<RequestId, Error> {
        Err(no_subscriptions())
    }

    async fn pending_requests(&self) -> Result<Vec<Request>, Error> {
        Ok(Vec::new())
    }

    async fn find_request(&self, _: RequestId) -> Result<Option<Request>, Error> {
        Ok(None)
    }

    async fn retire(&self, _: &str, _: &str) -> Result<(), Error> {
        Ok(())
    }

    async fn revive(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }

    async fn clock(&self) -> Result<Timestamp, Error> {
        Ok(SystemTime::now().into())
    }

    async fn subscriptions(&self) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    async fn prune(&self, _: Position, _: Unhandled) -> Result<Pruned, Error> {
        Ok(Pruned { oldest: Position::new(1), held_by: None })
    }

    async fn status(&self, _: &str) -> Result<Option<SubscriptionStatus>, Error> {
        Ok(None)
    }
}

impl Inbox for MemoryStore {
    async fn note(
        &self,
        _: &mut NoTransaction,
        _: &str,
        _: &[EventId],
    ) -> Result<Vec<EventId>, Error> {
        Err(no_inbox())
    }

    async fn has_noted(&self, _: &str, _: EventId) -> Result<bool, Error> {
        Err(no_inbox())
    }

    async fn suspect(&self, _: &str, _: EventId) -> Result<Option<u32>, Error> {
        Err(no_inbox())
    }

    async fn bury(&self, _: &mut NoTransaction, _: &str, _: &DeadLetter) -> Result<(), Error> {
        Err(no_inbox())
    }

    async fn hold(
        &self,
        _: &mut NoTransaction,
        _: &str,
        _: EventId,
        _: Duration,
    ) -> Result<bool, Error> {
        Err(no_inbox())
    }

    async fn exhume(
        &self,
        _: &mut NoTransaction,
        _: &str,
        _: EventId,
    ) -> Result<Option<DeadLetter>, Error> {
        Err(no_inbox())
    }

    async fn dead_letters(
        &self,
        _: &str,
        _: Option<EventId>,
        _: u32,
    ) -> Result<Vec<DeadLetter>, Error> {
        Ok(Vec::new())
    }

    async fn drop_dead_letter(&self, _: &str, _: EventId, _: &str) -> Result<bool, Error> {
        Err(no_inbox())
    }

    async fn forget(&self, _: &str, _: Duration) -> Result<u64, Error> {
        Ok(0)
    }
}

fn no_inbox() -> Error {
    Error::configuration("nothing is stored here, so nothing can be listened to")
}

fn no_subscriptions() -> Error {
    Error::configuration("nothing is stored here, so nothing can be subscribed to")
}
