//! A fresh store for each test, and a feed of it.

use std::collections::BTreeMap;

use axum::Router;
use ensue::{CorrelationId, Envelope, EventId, Timestamp, Transactions};
use ensue_http::Feed;
use ensue_sqlite::SqliteStore;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

pub(crate) struct Shop {
    pub(crate) store: SqliteStore,
    folder: TempDir,
}

impl Shop {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("shop.db")).await.unwrap();
        Self { store, folder }
    }

    /// A shop in which so many events have happened.
    pub(crate) async fn with_events(count: u32) -> Self {
        let shop = Self::new().await;
        let envelopes: Vec<_> = (1..=count).map(|number| event(number.to_string())).collect();
        shop.append(&envelopes).await;
        shop
    }

    pub(crate) async fn append(&self, envelopes: &[Envelope]) {
        let mut transaction = self.store.begin().await.unwrap();
        self.store.append(&mut transaction, envelopes).await.unwrap();
        self.store.commit(transaction).await.unwrap();
    }

    /// Runs `statement` behind the store's back.
    pub(crate) async fn tamper(&self, statement: &'static str) {
        let file = SqliteConnectOptions::new().filename(self.folder.path().join("shop.db"));
        let mut connection = file.connect().await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    }

    pub(crate) fn feed(&self) -> Router {
        Feed::new(self.store.clone()).into_router()
    }
}

/// An event that is like any other but for its payload.
pub(crate) fn event(payload: impl AsRef<[u8]>) -> Envelope {
    let id = EventId::now();
    Envelope {
        id,
        event_type: "order.placed".into(),
        version: 1,
        key: None,
        content_type: "application/json".into(),
        payload: payload.as_ref().to_vec(),
        occurred_at: Timestamp::from_micros(1_700_000_000_123_456),
        correlation_id: CorrelationId::from(id),
        causation_id: None,
        hops: 0,
        trace_context: None,
        headers: BTreeMap::new(),
    }
}
