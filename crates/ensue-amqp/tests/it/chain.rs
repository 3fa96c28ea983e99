//! A service that raises events, a broker, and another service in which something ensues from them.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ensue::listener::{Arrival, Listening, Session, Source, Tag};
use ensue::testing::MemoryStore;
use ensue::{
    BoxError, Builder, Entry, Error, Event, Events, Listener, Outcome, RetryPolicy, Sink, Start,
    Tx, raise,
};
use ensue_amqp::{AmqpSession, AmqpSink, AmqpSource};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::broker::{PATIENCE, Place};

/// LIMIT: so that a session's loss meets messages of the same key.
const KEYS: u64 = 40;

#[derive(Debug, Event, Serialize, Deserialize)]
#[event(type = "order.placed", key = order_no)]
pub(crate) struct OrderPlaced {
    order_no: String,
    number: u64,
}

/// What ensued, in its order.
pub(crate) type Effects = Vec<(String, u64)>;

type Shop = MemoryStore<()>;
type Office = MemoryStore<Effects>;

/// What went over the wire.
#[derive(Default)]
pub(crate) struct Counts {
    sent: AtomicUsize,
    confirmed: AtomicUsize,
    received: AtomicUsize,
}

/// Both services.
pub(crate) struct Chain {
    pub(crate) place: Place,
    shop: Shop,
    office: Office,
    counts: Arc<Counts>,
    raised: u64,
}

/// A row of the table of faults.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) raised: usize,
    pub(crate) sent: usize,
    pub(crate) confirmed: usize,
    pub(crate) received: usize,
    pub(crate) effects: usize,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { raised, sent, confirmed, received, effects } = self;
        write!(f, "| {raised} | {sent} | {confirmed} | {received} | {effects} |")
    }
}

impl Chain {
    pub(crate) async fn at(place: Place) -> Self {
        let (shop, office) = (Shop::default(), Office::default());
        let chain = Self { place, shop, office, counts: Arc::default(), raised: 0 };
        // It makes the queue.
        drop(chain.source().open(1).await.unwrap());
        chain
    }

    /// Who comes after a listener that has gone gets what that one had, before anything else.
    fn source(&self) -> AmqpSource {
        let queue = self.place.queue().single_active_consumer();
        AmqpSource::new(&self.place.url(), queue).unwrap()
    }

    /// The service that raises, as one of its processes.
    pub(crate) async fn shop(&self, lease: Duration) -> Events<Shop> {
        let sink = Counting { of: self.place.amqp_sink(), counts: Arc::clone(&self.counts) };
        let builder: Builder<Shop> = Events::builder(self.shop.another()).lease(lease);
        let builder = builder.subscription("broker", |subscription| {
            let often = RetryPolicy::default().attempts(1_000);
            let often = often.backoff(Duration::from_millis(50), Duration::from_millis(500));
            subscription.forward_to(sink).from(Start::Beginning).retry(often)
        });
        builder.build().await.unwrap()
    }

    /// The service in which something ensues, as one of its processes.
    pub(crate) async fn office(&self) -> Events<Office> {
        let source = Counting { of: self.source(), counts: Arc::clone(&self.counts) };
        let listener = Listener::new("effects", source).on(note).batch(20).prefetch(100);
        Events::builder(self.office.another()).listen(listener).build().await.unwrap()
    }

    /// So many more orders, ten in a unit of work.
    pub(crate) async fn raise(&mut self, shop: &Events<Shop>, orders: u64) {
        for first in (self.raised..self.raised + orders).step_by(10) {
            let place = shop.run(async |_| {
                for number in first..first + 10 {
                    raise(OrderPlaced { order_no: format!("A-{}", number % KEYS), number });
                }
                Ok::<_, Error>(())
            });
            place.await.unwrap();
        }
        self.raised += orders;
    }

    pub(crate) fn effects(&self) -> usize {
        self.office.state().len()
    }

    pub(crate) async fn until_effects(&self, effects: u64) {
        let waiting = async {
            while self.effects() < usize::try_from(effects).unwrap() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(2 * PATIENCE, waiting)
            .await
            .unwrap_or_else(|_| panic!("{} effects of {effects}; {}", self.effects(), self.row()));
    }

    pub(crate) async fn until_confirmed(&self, messages: usize) {
        let waiting = async {
            while self.row().confirmed < messages {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{}", self.row()));
    }

    /// Everything that was raised has ensued: once each, and in the order of its key.
    pub(crate) async fn check(&self, fault: &str) -> Row {
        self.until_effects(self.raised).await;
        let mut last_of = HashMap::new();
        for (key, number) in self.office.state() {
            let last = last_of.insert(key.clone(), number);
            assert!(last.is_none_or(|last| last < number), "{number} of {key} after {last:?}");
        }
        let numbers: HashSet<_> = self.office.state().iter().map(|(_, number)| *number).collect();
        assert_eq!(numbers.len(), self.effects(), "something ensued twice");
        let row = self.row();
        assert_eq!(row.effects, row.raised, "{row}");
        println!("{fault} {row}");
        row
    }

    fn row(&self) -> Row {
        let Counts { sent, confirmed, received } = &*self.counts;
        let count = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        Row {
            raised: usize::try_from(self.raised).unwrap(),
            sent: count(sent),
            confirmed: count(confirmed),
            received: count(received),
            effects: self.effects(),
        }
    }
}

pub(crate) async fn stop(listening: Listening) {
    assert!(listening.shutdown(PATIENCE).await);
}

async fn note(event: &OrderPlaced, tx: &mut Tx<Office>) -> Result<(), BoxError> {
    tx.push((event.order_no.clone(), event.number));
    Ok(())
}

struct Counting<T> {
    of: T,
    counts: Arc<Counts>,
}

impl Sink for Counting<AmqpSink> {
    async fn send(&self, entries: &[Entry]) -> Result<Vec<Outcome>, BoxError> {
        let outcomes = self.of.send(entries).await?;
        let confirmed = outcomes.iter().filter(|outcome| outcome.is_delivered()).count();
        self.counts.sent.fetch_add(entries.len(), Ordering::SeqCst);
        self.counts.confirmed.fetch_add(confirmed, Ordering::SeqCst);
        Ok(outcomes)
    }
}

impl Source for Counting<AmqpSource> {
    type Session = Counting<AmqpSession>;

    async fn open(&self, prefetch: u16) -> Result<Self::Session, BoxError> {
        let of = self.of.open(prefetch).await?;
        Ok(Counting { of, counts: Arc::clone(&self.counts) })
    }
}

impl Session for Counting<AmqpSession> {
    async fn receive(&mut self) -> Result<Vec<Arrival>, BoxError> {
        let arrived = self.of.receive().await?;
        self.counts.received.fetch_add(arrived.len(), Ordering::SeqCst);
        Ok(arrived)
    }

    async fn acknowledge(&mut self, tags: &[Tag]) -> Result<(), BoxError> {
        self.of.acknowledge(tags).await
    }

    async fn stop(&mut self) -> Result<(), BoxError> {
        self.of.stop().await
    }

    async fn flush(&mut self) -> Result<(), BoxError> {
        self.of.flush().await
    }
}
