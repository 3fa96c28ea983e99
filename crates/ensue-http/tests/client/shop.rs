//! A shop with a log of its own, and servers of its feed.

use std::net::SocketAddr;
use std::path::PathBuf;

use ensue::{BoxError, Event, raise};
use ensue_http::Feed;
use ensue_sqlite::{Events, SqliteStore};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::patience::within_patience;

#[derive(Debug, Clone, PartialEq, Event, Serialize, Deserialize)]
#[event(type = "stock.moved")]
pub(crate) struct StockMoved {
    pub(crate) writer: usize,
    pub(crate) unit: usize,
    pub(crate) line: usize,
}

pub(crate) struct Shop {
    pub(crate) folder: TempDir,
    pub(crate) events: Events,
}

impl Shop {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("shop.db")).await.unwrap();
        Self { folder, events: Events::builder(store).build().await.unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn serve(&self) -> Server {
        self.serve_on(([127, 0, 0, 1], 0).into()).await
    }

    /// Serves the feed as another process would: from a connection and a runtime of its own.
    pub(crate) async fn serve_on(&self, address: SocketAddr) -> Server {
        let runtime = Runtime::new().unwrap();
        let path = self.path("shop.db");
        let serving = runtime.spawn(async move {
            let feed = Feed::new(SqliteStore::open(path).await.unwrap()).into_router();
            let listener = bind(address).await;
            let address = listener.local_addr().unwrap();
            tokio::spawn(async { axum::serve(listener, feed).await });
            address
        });
        Server { address: within_patience(serving).await.unwrap(), runtime: Some(runtime) }
    }
}

/// The one before may still be letting go of the address.
async fn bind(address: SocketAddr) -> TcpListener {
    loop {
        if let Ok(listener) = TcpListener::bind(address).await {
            return listener;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Server {
    pub(crate) fn url(&self) -> String {
        format!("http://{}/api/events", self.address)
    }
}

/// Its connections end with it.
impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub(crate) const WRITERS: usize = 4;
pub(crate) const UNITS_EACH: usize = 40;

/// Runs the writer's units of work, of which some are rolled back, and gives back what the others
/// raised.
pub(crate) async fn write(events: Events, writer: usize) -> Vec<StockMoved> {
    let mut committed = Vec::new();
    for unit in 0..UNITS_EACH {
        let raised = raised_in(writer, unit);
        let outcome = events
            .run(async |_tx| {
                raised.iter().cloned().for_each(raise);
                if is_rolled_back(unit) { Err(BoxError::from("changed its mind")) } else { Ok(()) }
            })
            .await;
        assert_eq!(outcome.is_err(), is_rolled_back(unit), "{outcome:?}");
        if outcome.is_ok() {
            committed.extend(raised);
        }
    }
    committed
}

/// How many events all the writers commit.
pub(crate) fn committed_count() -> usize {
    let units = (0..UNITS_EACH).filter(|unit| !is_rolled_back(*unit));
    WRITERS * units.map(|unit| raised_in(0, unit).len()).sum::<usize>()
}

/// From one to three events.
fn raised_in(writer: usize, unit: usize) -> Vec<StockMoved> {
    (0..=unit % 3).map(|line| StockMoved { writer, unit, line }).collect()
}

/// A quarter, among them units of one, two and three events.
fn is_rolled_back(unit: usize) -> bool {
    unit % 4 == 3
}
