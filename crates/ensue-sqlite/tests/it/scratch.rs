//! A fresh database file for each test, and what the tests do in it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ensue::store::Page;
use ensue::{BoxError, Error, Event, Forwarder, Log, Position, RetryPolicy, raise};
use ensue_sqlite::{Builder, Events, SqliteStore, Tx};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// LIMIT: how long a test waits for what must happen; only a failing one gets there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Debug, Clone, PartialEq, Event, Serialize, Deserialize)]
#[event(type = "order.placed", key = order_no)]
pub(crate) struct OrderPlaced {
    pub(crate) order_no: String,
    pub(crate) amount: i64,
}

impl OrderPlaced {
    pub(crate) fn of(order_no: impl Into<String>, amount: i64) -> Self {
        Self { order_no: order_no.into(), amount }
    }
}

#[derive(Debug, Clone, PartialEq, Event, Serialize, Deserialize)]
#[event(type = "order.cancelled", key = order_no)]
pub(crate) struct OrderCancelled {
    pub(crate) order_no: String,
}

/// A folder with a database in it that goes when the test ends.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("test.db")
    }

    pub(crate) async fn store(&self) -> SqliteStore {
        SqliteStore::open(self.path()).await.unwrap()
    }

    /// An application over the file, which has a table `effect (name TEXT)`.
    pub(crate) async fn builder(&self) -> Builder {
        let store = self.store().await;
        let events = Events::builder(store.clone()).build().await.unwrap();
        events
            .run(async |tx| {
                sqlx::raw_sql("CREATE TABLE IF NOT EXISTS effect (name TEXT NOT NULL)")
                    .execute(&mut **tx)
                    .await
                    .unwrap();
                Ok::<_, ensue::Error>(())
            })
            .await
            .unwrap();
        Events::builder(store)
    }
}

pub(crate) async fn add_effect(tx: &mut Tx, name: &str) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO effect VALUES (?)").bind(name).execute(&mut **tx).await.map(drop)
}

pub(crate) async fn effects(store: &SqliteStore) -> Vec<String> {
    sqlx::query_scalar("SELECT name FROM effect ORDER BY rowid")
        .fetch_all(store.reader())
        .await
        .unwrap()
}

/// Waits until the subscription has handled everything up to `position`.
pub(crate) async fn handled(events: &Events, subscription: &str, position: Position) {
    until(async || events.status(subscription).await.unwrap().has_handled(position)).await;
}

/// Waits for something that other tasks or processes bring about and that nothing signals.
pub(crate) async fn until(is_so: impl AsyncFn() -> bool) {
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it never came to be");
}

/// What handlers have seen, in order.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub(crate) fn add(&self, note: impl Into<String>) {
        self.0.lock().unwrap().push(note.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Event)]
#[event(local)]
pub(crate) struct Told(pub(crate) &'static str);

pub(crate) async fn types(store: &SqliteStore) -> Vec<String> {
    let log = store.entries(Page::new(Position::START, 1_000)).await.unwrap();
    log.into_iter().map(|entry| entry.envelope.event_type.into_owned()).collect()
}

pub(crate) async fn payloads(store: &SqliteStore) -> Vec<String> {
    let log = store.entries(Page::new(Position::START, 1_000)).await.unwrap();
    log.into_iter().map(|entry| String::from_utf8(entry.envelope.payload).unwrap()).collect()
}

pub(crate) async fn restock(event: &OrderCancelled, tx: &mut Tx) -> Result<(), sqlx::Error> {
    add_effect(tx, &format!("{} restocked", event.order_no)).await
}

pub(crate) fn cancelled(order_no: &str) -> OrderCancelled {
    OrderCancelled { order_no: order_no.to_owned() }
}

pub(crate) const SOON: Duration = Duration::from_millis(1);

pub(crate) async fn note(event: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
    Ok(add_effect(tx, &event.order_no).await?)
}

pub(crate) async fn place(events: &Events, order_no: &str) {
    place_all(events, &[order_no]).await;
}

pub(crate) async fn place_all(events: &Events, order_nos: &[&str]) {
    let run = events.run(async |_tx| {
        for order_no in order_nos {
            raise(OrderPlaced::of(*order_no, 1));
        }
        Ok::<_, Error>(())
    });
    run.await.unwrap();
}

pub(crate) async fn handled_all(events: &Events, subscription: &str) {
    handled(events, subscription, events.head().await.unwrap()).await;
}

pub(crate) async fn shut_down(forwarder: Forwarder) {
    assert!(forwarder.shutdown(PATIENCE).await);
}

/// A policy under which a failed entry is due again at once.
pub(crate) fn eager() -> RetryPolicy {
    RetryPolicy::default().attempts(1_000).backoff(SOON, SOON)
}
