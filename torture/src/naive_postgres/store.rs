//! A store that is ours but for its log.

use std::time::Duration;

use ensue::store::{LogId, Page, Read, Savepoint, UnreadableEntry};
use ensue::subscription::{
    Change, Claim, Command, Epoch, Pruned, Request, RequestId, TakeOver, Unhandled,
};
use ensue::{
    BoxError, DeadLetter, Entry, Envelope, Error, Event, EventId, Inbox, Log, Position, Start,
    SubscriptionStatus, Subscriptions, Timestamp, Transactions,
};
use ensue_postgres::{PostgresStore, PostgresTransaction};
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgConnection, PgPool};

use crate::mark::Mark;
use crate::ours::envelope;

/// A store that is ours but for its log.
#[derive(Debug, Clone)]
pub struct NaiveStore {
    inner: PostgresStore,
    readers: PgPool,
}

/// How often a reader looks.
const LOOK_EVERY: Duration = Duration::from_millis(2);

impl NaiveStore {
    pub(crate) async fn open(address: &str) -> Result<Self, BoxError> {
        let inner = PostgresStore::connect(address).await?;
        let readers = PgPoolOptions::new().max_connections(2).connect_lazy(address)?;
        Ok(Self { inner, readers })
    }

    pub(crate) fn inner(&self) -> &PostgresStore {
        &self.inner
    }
}

impl Log for NaiveStore {
    async fn head(&self) -> Result<Position, Error> {
        let head = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM naive_log");
        let head: i64 = head.fetch_one(&self.readers).await.map_err(failed)?;
        Ok(Position::new(head.unsigned_abs()))
    }

    async fn identity(&self) -> Result<LogId, Error> {
        self.inner.identity().await
    }

    async fn read(&self, page: Page) -> Result<Vec<Read>, Error> {
        let rows = "SELECT id, mark FROM naive_log WHERE id > $1 ORDER BY id LIMIT $2";
        let rows: Vec<(i64, String)> = sqlx::query_as(rows)
            .bind(i64::try_from(page.after.get()).unwrap_or(i64::MAX))
            .bind(i64::from(page.rows))
            .fetch_all(&self.readers)
            .await
            .map_err(failed)?;
        Ok(rows.into_iter().map(|(id, mark)| entry(id, &mark)).collect())
    }

    async fn changed_elsewhere(&self) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn entry(id: i64, mark: &str) -> Read {
    let (position, recorded_at) = (Position::new(id.unsigned_abs()), Timestamp::from_micros(0));
    let envelope = mark.parse().map_err(BoxError::from).and_then(|mark| Ok(envelope(mark)?));
    let envelope = envelope.map_err(|error| UnreadableEntry::new(position, error.to_string()))?;
    Ok(Entry { position, recorded_at, envelope })
}

impl Transactions for NaiveStore {
    type Connection = PgConnection;
    type Transaction = PostgresTransaction;

    fn is_retryable(error: &(dyn std::error::Error + 'static)) -> bool {
        PostgresStore::is_retryable(error)
    }

    async fn begin(&self) -> Result<PostgresTransaction, Error> {
        self.inner.begin().await
    }

    async fn append(
        &self,
        transaction: &mut PostgresTransaction,
        envelopes: &[Envelope],
    ) -> Result<(), Error> {
        let marks: Vec<String> =
            envelopes.iter().map(mark).collect::<Result<_, _>>().map_err(failed)?;
        let append = "INSERT INTO naive_log (mark)
            SELECT mark FROM unnest($1) WITH ORDINALITY AS row (mark, number) ORDER BY number";
        let append = sqlx::query(append).bind(marks).execute(&mut **transaction);
        append.await.map(drop).map_err(failed)
    }

    async fn savepoint(
        &self,
        transaction: &mut PostgresTransaction,
        savepoint: Savepoint,
        depth: u32,
    ) -> Result<(), Error> {
        self.inner.savepoint(transaction, savepoint, depth).await
    }

    async fn commit(&self, transaction: PostgresTransaction) -> Result<(), Error> {
        self.inner.commit(transaction).await
    }

    async fn rollback(&self, transaction: PostgresTransaction) -> Result<(), Error> {
        self.inner.rollback(transaction).await
    }
}

fn mark(envelope: &Envelope) -> Result<String, ensue::PayloadError> {
    Mark::decode(&envelope.payload, envelope.version).map(|mark| mark.to_string())
}

fn failed(error: impl Into<BoxError>) -> Error {
    Error::store("the naive log failed", error, true)
}

/// Nobody subscribes to it: what it has of subscriptions is the other store's.
impl Subscriptions for NaiveStore {
    async fn register(&self, name: &str, start: Start, types: &[&str]) -> Result<(), Error> {
        self.inner.register(name, start, types).await
    }

    async fn take_over(&self, name: &str, owner: &str, lease: Duration) -> Result<TakeOver, Error> {
        self.inner.take_over(name, owner, lease).await
    }

    async fn renew(&self, name: &str, epoch: Epoch, lease: Duration) -> Result<bool, Error> {
        self.inner.renew(name, epoch, lease).await
    }

    async fn release(&self, name: &str, epoch: Epoch) -> Result<(), Error> {
        self.inner.release(name, epoch).await
    }

    async fn claims(&self) -> Result<Vec<Claim>, Error> {
        self.inner.claims().await
    }

    async fn record(
        &self,
        transaction: &mut PostgresTransaction,
        name: &str,
        epoch: Epoch,
        changes: &[Change],
    ) -> Result<(), Error> {
        self.inner.record(transaction, name, epoch, changes).await
    }

    async fn request(
        &self,
        name: &str,
        command: &Command,
        reason: &str,
    ) -> Result<RequestId, Error> {
        self.inner.request(name, command, reason).await
    }

    async fn pending_requests(&self) -> Result<Vec<Request>, Error> {
        self.inner.pending_requests().await
    }

    async fn find_request(&self, id: RequestId) -> Result<Option<Request>, Error> {
        self.inner.find_request(id).await
    }

    async fn retire(&self, name: &str, reason: &str) -> Result<(), Error> {
        self.inner.retire(name, reason).await
    }

    async fn revive(&self, name: &str) -> Result<(), Error> {
        self.inner.revive(name).await
    }

    async fn clock(&self) -> Result<Timestamp, Error> {
        self.inner.clock().await
    }

    async fn subscriptions(&self) -> Result<Vec<String>, Error> {
        self.inner.subscriptions().await
    }

    async fn prune(&self, up_to: Position, unhandled: Unhandled) -> Result<Pruned, Error> {
        self.inner.prune(up_to, unhandled).await
    }

    async fn status(&self, name: &str) -> Result<Option<SubscriptionStatus>, Error> {
        self.inner.status(name).await
    }
}

/// Nobody listens through it either.
impl Inbox for NaiveStore {
    async fn note(
        &self,
        transaction: &mut PostgresTransaction,
        consumer: &str,
        events: &[EventId],
    ) -> Result<Vec<EventId>, Error> {
        self.inner.note(transaction, consumer, events).await
    }

    async fn has_noted(&self, consumer: &str, event: EventId) -> Result<bool, Error> {
        self.inner.has_noted(consumer, event).await
    }

    async fn suspect(&self, consumer: &str, event: EventId) -> Result<Option<u32>, Error> {
        self.inner.suspect(consumer, event).await
    }

    async fn bury(
        &self,
        transaction: &mut PostgresTransaction,
        consumer: &str,
        letter: &DeadLetter,
    ) -> Result<(), Error> {
        self.inner.bury(transaction, consumer, letter).await
    }

    async fn hold(
        &self,
        transaction: &mut PostgresTransaction,
        consumer: &str,
        id: EventId,
        lease: Duration,
    ) -> Result<bool, Error> {
        self.inner.hold(transaction, consumer, id, lease).await
    }

    async fn exhume(
        &self,
        transaction: &mut PostgresTransaction,
        consumer: &str,
        id: EventId,
    ) -> Result<Option<DeadLetter>, Error> {
        self.inner.exhume(transaction, consumer, id).await
    }

    async fn dead_letters(
        &self,
        consumer: &str,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, Error> {
        self.inner.dead_letters(consumer, after, limit).await
    }

    async fn drop_dead_letter(
        &self,
        consumer: &str,
        id: EventId,
        reason: &str,
    ) -> Result<bool, Error> {
        self.inner.drop_dead_letter(consumer, id, reason).await
    }

    async fn forget(&self, consumer: &str, age: Duration) -> Result<u64, Error> {
        self.inner.forget(consumer, age).await
    }
}
