//! What tests see of the broker: names of their own, and what is in a queue.

use std::collections::BTreeMap;
use std::time::Duration;

use ensue::cloud_event::CloudEvent;
use ensue::listener::{Arrival, Message, Session, Source};
use ensue::{CorrelationId, Entry, Envelope, EventId, Outcome, Position, Sink, Timestamp};
use ensue_amqp::{AmqpSession, AmqpSink, AmqpSource, Exchange, Queue};
use ensue_conformance::Destination;
use lapin::message::Delivery;
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, BasicRejectOptions, ExchangeDeleteOptions,
    QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::time::timeout;
use uuid::Uuid;

use crate::proxy::{Line, Proxy, place_of, through};

/// LIMIT: how long a test waits for what must happen; only a failing one gets there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// LIMIT: without one, quorum queues have 2,000 under way.
pub(crate) const PREFETCH: u16 = 1_000;

/// An exchange and a queue that are a test's own, on the broker of all.
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) name: String,
    pub(crate) proxy: Proxy,
    channel: Channel,
    // Held for its drop.
    _connection: Connection,
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self::at(servers::amqp_url()).await
    }

    pub(crate) async fn at(url: String) -> Self {
        let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        let proxy = Proxy::to(place_of(&url)).await;
        // What stays behind is in nobody's way.
        let name = format!("test.{}", Uuid::now_v7().simple());
        Self { url, name, proxy, channel, _connection: connection }
    }

    /// The place of that name, which an earlier connection has made.
    pub(crate) fn named(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// By way of the proxy.
    pub(crate) fn url(&self) -> String {
        through(&self.url, self.proxy.port())
    }

    pub(crate) fn exchange(&self) -> Exchange {
        Exchange::topic(&*self.name)
    }

    /// For everything that is `order.*`.
    pub(crate) fn queue(&self) -> Queue {
        Queue::new(&*self.name).bound_to(self.exchange(), "order.*")
    }

    pub(crate) fn amqp_sink(&self) -> AmqpSink {
        AmqpSink::new(&self.url(), self.exchange(), "/shop").unwrap()
    }

    pub(crate) fn source(&self) -> AmqpSource {
        AmqpSource::new(&self.url(), self.queue()).unwrap()
    }

    /// Makes the queue, and listens no more.
    pub(crate) async fn make_queue(&self) {
        drop(AmqpSource::new(&self.url, self.queue()).unwrap().open(1).await.unwrap());
    }

    /// A queue of its own making, bound for all.
    pub(crate) async fn make_queue_with(&self, arguments: &[(&str, AMQPValue)]) {
        let _exchange = self.amqp_sink().send(&[]).await.unwrap();
        let mut table = FieldTable::default();
        for (name, value) in arguments {
            table.insert((*name).into(), value.clone());
        }
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(self.name.as_str().into(), durable, table).await.unwrap();
        let bound = self.channel.queue_bind(
            self.name.as_str().into(),
            self.name.as_str().into(),
            "#".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        bound.await.unwrap();
    }

    pub(crate) async fn delete_queue(&self) {
        let options = QueueDeleteOptions::default();
        self.channel.queue_delete(self.name.as_str().into(), options).await.unwrap();
    }

    pub(crate) async fn delete_exchange(&self) {
        let options = ExchangeDeleteOptions::default();
        self.channel.exchange_delete(self.name.as_str().into(), options).await.unwrap();
    }

    /// What is in the queue, as it is.
    pub(crate) async fn get(&self, count: usize) -> Vec<Delivery> {
        self.get_from(&self.name, count).await
    }

    pub(crate) async fn get_from(&self, queue: &str, count: usize) -> Vec<Delivery> {
        let getting = async {
            let mut deliveries = Vec::new();
            while deliveries.len() < count {
                let options = BasicGetOptions { no_ack: true };
                match self.channel.basic_get(queue.into(), options).await.unwrap() {
                    Some(message) => deliveries.push(message.delivery),
                    None => tokio::task::yield_now().await,
                }
            }
            deliveries
        };
        timeout(PATIENCE, getting).await.unwrap()
    }

    /// How many messages are in a queue.
    pub(crate) async fn count(&self, queue: &str) -> usize {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let queue = self.channel.queue_declare(queue.into(), passive, FieldTable::default());
        queue.await.unwrap().message_count().try_into().unwrap()
    }

    pub(crate) async fn until_there_are(&self, messages: usize) {
        let waiting = async {
            while self.count(&self.name).await < messages {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap();
    }

    /// A message of another program's, with nothing but an id.
    pub(crate) async fn publish(&self, routing_key: &str, body: &[u8]) {
        self.publish_with(routing_key, BasicProperties::default(), body).await;
    }

    /// One with headers.
    pub(crate) async fn publish_with_headers(&self, headers: &[(&str, &str)], body: &[u8]) {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), AMQPValue::LongString((*value).into()));
        }
        let properties = BasicProperties::default().with_headers(table);
        self.publish_with("order.placed", properties, body).await;
    }

    pub(crate) async fn publish_with(
        &self,
        routing_key: &str,
        properties: BasicProperties,
        body: &[u8],
    ) {
        let (exchange, routing_key) = (self.name.as_str().into(), routing_key.into());
        let properties = properties.with_message_id("m-1".into());
        let options = BasicPublishOptions::default();
        let sent = self.channel.basic_publish(exchange, routing_key, options, body, properties);
        sent.await.unwrap().await.unwrap();
    }

    /// Takes a message out of the queue, and says that nobody wants it.
    pub(crate) async fn reject_one(&self) {
        let options = BasicGetOptions::default();
        let message = self.channel.basic_get(self.name.as_str().into(), options).await.unwrap();
        message.unwrap().delivery.reject(BasicRejectOptions::default()).await.unwrap();
    }

    /// As a source reads them.
    pub(crate) async fn messages(&self, count: usize) -> Vec<Message> {
        let source = AmqpSource::new(&self.url, self.queue()).unwrap();
        let mut session = source.open(PREFETCH).await.unwrap();
        let mut received = Vec::new();
        while received.len() < count {
            received.extend(handled(&mut session).await);
        }
        received
    }
}

/// What arrives next, acknowledged.
pub(crate) async fn handled(session: &mut AmqpSession) -> Vec<Message> {
    let arrived = arrivals(session, 1).await;
    let tags: Vec<_> = arrived.iter().map(|arrival| arrival.tag).collect();
    session.acknowledge(&tags).await.unwrap();
    messages(arrived)
}

/// Arrivals until there are enough, not acknowledged.
pub(crate) async fn arrivals(session: &mut AmqpSession, count: usize) -> Vec<Arrival> {
    let mut arrived = Vec::new();
    while arrived.len() < count {
        arrived.extend(timeout(PATIENCE, session.receive()).await.unwrap().unwrap());
    }
    arrived
}

pub(crate) fn messages(arrivals: Vec<Arrival>) -> Vec<Message> {
    arrivals.into_iter().map(|arrival| arrival.message.unwrap()).collect()
}

pub(crate) fn ids(messages: &[Message]) -> Vec<EventId> {
    messages.iter().map(|message| message.envelope.id).collect()
}

pub(crate) fn ids_of(entries: &[Entry]) -> Vec<EventId> {
    entries.iter().map(|entry| entry.envelope.id).collect()
}

impl Destination for Place {
    type Sink = AmqpSink;

    async fn fresh() -> Self {
        let place = Self::new().await;
        place.make_queue().await;
        place
    }

    fn sink(&self) -> AmqpSink {
        self.amqp_sink()
    }

    async fn is_away(&self, is_away: bool) {
        self.proxy.set(if is_away { Line::Cut } else { Line::Open });
    }

    async fn received(&self, count: usize) -> Vec<Envelope> {
        self.messages(count).await.into_iter().map(|message| message.envelope).collect()
    }
}

/// Entries of type `order.placed`, each with a key of its own.
pub(crate) fn entries(count: u64) -> Vec<Entry> {
    (1..=count).map(|number| entry(number, format!("{{\"number\":{number}}}"))).collect()
}

pub(crate) fn entry(number: u64, payload: impl Into<Vec<u8>>) -> Entry {
    let id = EventId::now();
    let envelope = Envelope {
        id,
        event_type: "order.placed".into(),
        version: 1,
        key: Some(format!("A-{number}")),
        content_type: "application/json".into(),
        payload: payload.into(),
        occurred_at: Timestamp::from_micros(1_700_000_000_123_456),
        correlation_id: CorrelationId::from(id),
        causation_id: None,
        hops: 0,
        trace_context: None,
        headers: BTreeMap::new(),
    };
    let recorded_at = Timestamp::from_micros(1_700_000_000_200_000);
    Entry { position: Position::new(number), recorded_at, envelope }
}

pub(crate) async fn send(sink: &AmqpSink, entries: &[Entry]) -> Vec<Outcome> {
    timeout(PATIENCE, sink.send(entries)).await.unwrap().unwrap()
}

/// A header that carries an attribute.
pub(crate) fn header(delivery: &Delivery, name: &str) -> Option<String> {
    match delivery.properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(value) => Some(value.to_string()),
        other => panic!("{name} is {other:?}"),
    }
}

pub(crate) fn structured(delivery: &Delivery) -> CloudEvent<'_> {
    let content_type = delivery.properties.content_type().as_ref().unwrap();
    CloudEvent::read([], Some(content_type.as_str()), &delivery.data).unwrap()
}
