//! A shop with a log of its own, and servers of its feed.

use std::net::SocketAddr;
use std::path::PathBuf;

use ensue::{BoxError, Event, raise};
use ensue_http::Feed;
use ensue_sqlite::{Events, SqliteStore};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};
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
        let mut server = Server::reserve();
        server.serve(self.path("shop.db")).await;
        server
    }
}

/// A server that stops and restarts, and keeps its address meanwhile.
pub(crate) struct Server {
    address: SocketAddr,
    /// A bound socket that does not listen: it refuses connections, and no other program gets the port.
    _reservation: TcpSocket,
    runtime: Option<Runtime>,
}

impl Server {
    fn reserve() -> Self {
        let reservation = socket(([127, 0, 0, 1], 0).into());
        let address = reservation.local_addr().unwrap();
        Self { address, _reservation: reservation, runtime: None }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/api/events", self.address)
    }

    /// Serves the feed of the file at `path` as another process would: with its own connection and runtime.
    pub(crate) async fn serve(&mut self, path: PathBuf) {
        self.end();
        let (runtime, address) = (Runtime::new().unwrap(), self.address);
        let serving = runtime.spawn(async move {
            let feed = Feed::new(SqliteStore::open(path).await.unwrap()).into_router();
            let listener: TcpListener = socket(address).listen(64).unwrap();
            tokio::spawn(async { axum::serve(listener, feed).await });
        });
        within_patience(serving).await.unwrap();
        self.runtime = Some(runtime);
    }

    /// Stops the server and its connections.
    pub(crate) fn end(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Binds a socket beside the reservation and the previous socket, which may still be closing.
fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
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
