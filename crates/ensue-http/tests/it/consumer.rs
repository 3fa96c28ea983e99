//! The consumer's five steps, over a real socket, while others write.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use ensue::{BoxError, Event, Log, raise};
use ensue_sqlite::Events;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::shop::Shop;

const WRITERS: usize = 4;
const UNITS_EACH: usize = 60;

/// LIMIT: how long a consumer waits for what must come; only a failing one gets there.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long a consumer pauses after an empty page.
const PAUSE: Duration = Duration::from_millis(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn consumers_see_every_committed_event_once_and_in_order_while_others_write() {
    let shop = Shop::new().await;
    let address = serve(shop.feed()).await;
    let events = Events::builder(shop.store.clone()).build().await.unwrap();

    let consumers: JoinSet<_> = [1, 7, 100]
        .map(|limit| Consumer::new(address, limit).see(committed_count()))
        .into_iter()
        .collect();
    let writers: JoinSet<_> = (0..WRITERS).map(|writer| write(events.clone(), writer)).collect();
    let committed = writers.join_all().await;
    let consumers = consumers.join_all().await;

    let positions: Vec<_> = (1..=committed_count()).collect();
    for consumer in &consumers {
        let ids = consumer.handled.iter().map(|event| event["id"].as_u64().unwrap());
        assert_eq!(ids.collect::<Vec<_>>(), positions, "limit {}", consumer.limit);
        assert_eq!(consumer.handled, consumers[0].handled);
    }
    let handled: Vec<_> = consumers[0].handled.iter().map(stock_moved).collect();
    for committed in &committed {
        let writer = committed[0].writer;
        let of_writer: Vec<_> = handled.iter().filter(|event| event.writer == writer).collect();
        assert_eq!(of_writer, committed.iter().collect::<Vec<_>>());
    }
    assert_eq!(shop.store.head().await.unwrap().get(), committed_count());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_starts_again_goes_on_where_it_saved() {
    let shop = Shop::with_events(10).await;
    let address = serve(shop.feed()).await;
    let mut first = Consumer::new(address, 4);
    assert_eq!(first.take_a_page().await, 4);

    let mut second = Consumer { saved_offset: first.saved_offset, ..Consumer::new(address, 100) };

    assert_eq!(second.take_a_page().await, 6);
    assert_eq!(second.handled[0]["id"], 5);
    assert_eq!(second.take_a_page().await, 0);
    assert_eq!(second.saved_offset, Some(10));
}

/// The book's consumer.
struct Consumer {
    url: String,
    http: reqwest::Client,
    limit: usize,
    saved_offset: Option<usize>,
    handled: Vec<Value>,
}

impl Consumer {
    fn new(address: SocketAddr, limit: usize) -> Self {
        let (url, http) = (format!("http://{address}/api/events"), reqwest::Client::new());
        Self { url, http, limit, saved_offset: None, handled: Vec::new() }
    }

    /// Takes pages until it has handled `count` events, and one more page to see that it is empty.
    async fn see(mut self, count: u64) -> Self {
        let seeing = async {
            while (self.handled.len() as u64) < count {
                if self.take_a_page().await == 0 {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            assert_eq!(self.take_a_page().await, 0);
        };
        tokio::time::timeout(PATIENCE, seeing).await.expect("events are missing");
        self
    }

    /// The steps 1 to 4; the fifth is to do it again.
    async fn take_a_page(&mut self) -> usize {
        let offset = self.saved_offset.unwrap_or(0);
        let url = format!("{}?offset={offset}&limit={}", self.url, self.limit);
        let answer = self.http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let page: Vec<Value> = answer.json().await.unwrap();
        let count = page.len();
        assert!(count <= self.limit);
        self.handled.extend(page);
        self.saved_offset = Some(offset + count);
        count
    }
}

#[derive(Debug, Clone, PartialEq, Event, Serialize, Deserialize)]
struct StockMoved {
    writer: usize,
    unit: usize,
    line: usize,
}

fn stock_moved(event: &Value) -> StockMoved {
    assert_eq!(event["type"], "StockMoved");
    StockMoved::decode(event["payload"].as_str().unwrap().as_bytes(), 1).unwrap()
}

/// Runs the writer's units of work, of which some are rolled back, and gives back what the others
/// raised.
async fn write(events: Events, writer: usize) -> Vec<StockMoved> {
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

/// From one to three events.
fn raised_in(writer: usize, unit: usize) -> Vec<StockMoved> {
    (0..=unit % 3).map(|line| StockMoved { writer, unit, line }).collect()
}

/// A quarter, among them units of one, two and three events.
fn is_rolled_back(unit: usize) -> bool {
    unit % 4 == 3
}

fn committed_count() -> u64 {
    let units = (0..UNITS_EACH).filter(|unit| !is_rolled_back(*unit));
    (WRITERS * units.map(|unit| raised_in(0, unit).len()).sum::<usize>()) as u64
}

/// Serves the feed on a port of its own until the test ends.
async fn serve(feed: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, feed).await });
    address
}
