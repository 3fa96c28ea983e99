//! What the suite needs of a database to put a store to the test.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use ensue::store::Page;
use ensue::{
    CorrelationId, Entry, Envelope, EventId, Log, Position, Store, Timestamp, Transactions,
};

/// A database that was made for one test.
pub trait Backend: Sized + Send + Sync + 'static {
    /// The store under test.
    type Store: Store;

    /// A fresh database, with nothing in it but a place for effects.
    fn fresh() -> impl Future<Output = Self> + Send;

    /// Opens the database as another process would: nothing is shared but the database.
    fn open(&self) -> impl Future<Output = Self::Store> + Send;

    /// Makes the database refuse dead letters with a body of more than `bytes`, as it does by itself with
    /// larger ones. The database has been opened before.
    fn refuse_dead_letters_over(&self, bytes: usize) -> impl Future<Output = ()> + Send;

    /// Adds an effect of the domain, inside a transaction.
    fn add_effect(
        connection: &mut <Self::Store as Transactions>::Connection,
        name: &str,
    ) -> impl Future<Output = ()> + Send;

    /// The effects that the transaction of `connection` can see, in the order of their addition.
    fn effects(
        connection: &mut <Self::Store as Transactions>::Connection,
    ) -> impl Future<Output = Vec<String>> + Send;

    /// Runs a statement behind the store's back, as another program or an operator would. The statement uses
    /// SQLite's table names. Returns false if the database refuses it, or the store does not speak SQL.
    fn tamper(&self, statement: &str) -> impl Future<Output = bool> + Send;

    /// Makes the entry at `position` unreadable.
    fn make_unreadable(&self, position: Position) -> impl Future<Output = ()> + Send {
        async move {
            let headers = r#"{"actor":3}"#;
            let statement =
                format!("UPDATE ensue_log SET headers = '{headers}' WHERE position = {position}");
            assert!(self.tamper(&statement).await, "cannot tamper with the log");
        }
    }
}

/// LIMIT: how long a test waits for what must happen; only a failing one gets there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) fn envelope(payload: impl Into<Vec<u8>>) -> Envelope {
    let id = EventId::now();
    Envelope {
        id,
        event_type: Cow::Borrowed("order.placed"),
        version: 1,
        key: Some("A-1".to_owned()),
        content_type: Cow::Borrowed("application/json"),
        payload: payload.into(),
        occurred_at: Timestamp::from_micros(1_700_000_000_123_456),
        correlation_id: CorrelationId::from(id),
        causation_id: None,
        hops: 0,
        trace_context: None,
        headers: BTreeMap::new(),
    }
}

pub(crate) async fn append<S: Store>(store: &S, envelopes: &[Envelope]) {
    let mut transaction = store.begin().await.unwrap();
    store.append(&mut transaction, envelopes).await.unwrap();
    store.commit(transaction).await.unwrap();
    store.barrier().await.unwrap();
}

pub(crate) async fn append_payloads<S: Store>(store: &S, payloads: &[&str]) {
    let envelopes: Vec<_> = payloads.iter().map(|payload| envelope(*payload)).collect();
    append(store, &envelopes).await;
}

/// All that is committed.
pub(crate) async fn whole_log<L: Log>(log: &L) -> Vec<Entry> {
    log.barrier().await.unwrap();
    log.entries(Page::new(Position::START, 1_000_000)).await.unwrap()
}

pub(crate) async fn payloads<L: Log>(log: &L) -> Vec<String> {
    let entries = whole_log(log).await.into_iter();
    entries.map(|entry| String::from_utf8(entry.envelope.payload).unwrap()).collect()
}

pub(crate) async fn assert_dense<L: Log>(log: &L, expected: u64) {
    let positions: Vec<_> = whole_log(log).await.iter().map(|entry| entry.position.get()).collect();
    assert_eq!(positions, (1..=expected).collect::<Vec<_>>());
}

pub(crate) async fn effects_of<B: Backend>(store: &B::Store) -> Vec<String> {
    let mut transaction = store.begin().await.unwrap();
    let effects = B::effects(&mut transaction).await;
    store.rollback(transaction).await.unwrap();
    effects
}
