//! What sending to RabbitMQ costs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ensue::cloud_event::CloudEvent;
use ensue::{
    BoxError, CorrelationId, Entry, Envelope, EventId, Outcome, Position, Sink, Timestamp,
};
use ensue_amqp::{AmqpSink, Exchange};
use futures_util::StreamExt;
use futures_util::stream::{FuturesOrdered, iter};
use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions, QueueDeclareOptions,
    QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use uuid::Uuid;

use crate::arm::Arm;
use crate::comparison::{Comparison, Contestant};
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "send_to_rabbitmq",
    question: "what does it take to send entries to a quorum queue, mandatory, persistent and \
               confirmed, beside the bare client with 1,000 of the same messages under way that are \
               ready in memory?",
    measure: || Box::pin(measure()),
};

const ROUNDS: u32 = 31;
const MESSAGES: u32 = 10_000;

/// As the forwarder sends them.
const BATCH: usize = 500;

/// More were no faster.
const WINDOW: usize = 1_000;

/// At least 0.75 of the client's throughput.
const TARGET: f64 = 1.0 / 0.75;

async fn measure() -> Result<(), BoxError> {
    let comparison = Comparison {
        name: "messages of 300 bytes with CloudEvents' headers".to_owned(),
        operation: "message",
        per_round: MESSAGES,
        rounds: ROUNDS,
    };
    let contestants = vec![
        Contestant::new("ensue, two batches at once", Ours::new(2).await?).with_target(TARGET),
        Contestant::new("ensue, one batch at a time", Ours::new(1).await?),
    ];
    comparison.run(BareClient::new().await?, contestants).await
}

/// A quorum queue behind a topic exchange.
struct Place {
    name: String,
    channel: Channel,
    // Held for its drop.
    _connection: Connection,
}

impl Place {
    async fn new() -> Result<Self, BoxError> {
        let url = servers::amqp_url();
        let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let place =
            Self { name: format!("bench.{}", Uuid::now_v7()), channel, _connection: connection };
        place.sink()?.send(&[]).await?;
        place.make_queue().await?;
        Ok(place)
    }

    async fn make_queue(&self) -> Result<(), BoxError> {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(self.short(), durable, arguments).await?;
        let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
        self.channel.queue_bind(self.short(), self.short(), "#".into(), options, arguments).await?;
        Ok(())
    }

    fn sink(&self) -> Result<AmqpSink, BoxError> {
        Ok(AmqpSink::new(&servers::amqp_url(), Exchange::topic(&*self.name), "/shop")?)
    }

    fn short(&self) -> ShortString {
        self.name.as_str().into()
    }

    /// Each round finds it empty.
    async fn purge(&self) -> Result<(), BoxError> {
        self.channel.queue_purge(self.short(), QueuePurgeOptions::default()).await?;
        Ok(())
    }
}

struct BareClient {
    place: Place,
    channel: Channel,
    messages: Vec<(BasicProperties, Vec<u8>)>,
}

impl BareClient {
    async fn new() -> Result<Self, BoxError> {
        let place = Place::new().await?;
        let channel = place._connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let messages = entries().iter().map(message).collect();
        Ok(Self { place, channel, messages })
    }
}

impl Arm for BareClient {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        self.place.purge().await?;
        let began = Instant::now();
        let (channel, exchange) = (&self.channel, self.place.short());
        let publish = |(properties, body): &(BasicProperties, Vec<u8>)| {
            let (exchange, properties, body) = (exchange.clone(), properties.clone(), body.clone());
            async move {
                let options = BasicPublishOptions { mandatory: true, ..Default::default() };
                let routing_key = "order.placed".into();
                channel
                    .basic_publish(exchange, routing_key, options, &body, properties)
                    .await?
                    .await
            }
        };
        let mut under_way = iter(self.messages.iter().map(publish)).buffer_unordered(WINDOW);
        while let Some(confirmation) = under_way.next().await {
            confirmation?;
        }
        Ok(began.elapsed())
    }
}

struct Ours {
    place: Place,
    sink: AmqpSink,
    entries: Vec<Entry>,
    at_once: usize,
}

impl Ours {
    async fn new(at_once: usize) -> Result<Self, BoxError> {
        let place = Place::new().await?;
        let sink = place.sink()?;
        Ok(Self { place, sink, entries: entries(), at_once })
    }
}

impl Arm for Ours {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        self.place.purge().await?;
        let began = Instant::now();
        let mut under_way = FuturesOrdered::new();
        for batch in self.entries.chunks(BATCH) {
            if under_way.len() == self.at_once {
                are_delivered(under_way.next().await)?;
            }
            under_way.push_back(self.sink.send(batch));
        }
        while !under_way.is_empty() {
            are_delivered(under_way.next().await)?;
        }
        Ok(began.elapsed())
    }
}

fn are_delivered(answered: Option<Result<Vec<Outcome>, BoxError>>) -> Result<(), BoxError> {
    match answered.transpose()?.iter().flatten().all(Outcome::is_delivered) {
        true => Ok(()),
        false => Err("not all were delivered".into()),
    }
}

fn entries() -> Vec<Entry> {
    (1..=u64::from(MESSAGES)).map(entry).collect()
}

fn entry(number: u64) -> Entry {
    let id = EventId::now();
    let now = Timestamp::from_micros(1_700_000_000_123_456);
    let envelope = Envelope {
        id,
        event_type: "order.placed".into(),
        version: 1,
        key: Some(format!("A-{number}")),
        content_type: "application/json".into(),
        payload: format!("{{\"order\":\"{}\"}}", "x".repeat(286)).into_bytes(),
        occurred_at: now,
        correlation_id: CorrelationId::from(id),
        causation_id: None,
        hops: 0,
        trace_context: None,
        headers: BTreeMap::new(),
    };
    Entry { position: Position::new(number), recorded_at: now, envelope }
}

/// With the headers and properties that ours has.
fn message(entry: &Entry) -> (BasicProperties, Vec<u8>) {
    let event = CloudEvent::of(entry, "/shop");
    let mut headers = FieldTable::default();
    for (name, value) in event.attributes() {
        headers.insert(format!("cloudEvents_{name}").into(), AMQPValue::LongString(value.into()));
    }
    let envelope = &entry.envelope;
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_message_id(envelope.id.to_string().into())
        .with_type(envelope.event_type.as_ref().into())
        .with_content_type(envelope.content_type.as_ref().into())
        .with_timestamp(1_700_000_000)
        .with_app_id("/shop".into())
        .with_correlation_id(envelope.correlation_id.to_string().into())
        .with_headers(headers);
    (properties, envelope.payload.clone())
}
