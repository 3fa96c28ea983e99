//! The client alone, as fast as it is used well.

use std::time::{Duration, Instant};

use ensue::{BoxError, EventId};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection};

use super::broker;
use crate::arm::Arm;

/// LIMIT: messages that are not confirmed. More were no faster.
const WINDOW: usize = 1_000;

/// LIMIT: messages that one word acknowledges.
const ACKNOWLEDGED_AT_ONCE: u64 = 250;

/// Sends messages like ours, mandatory and persistent, and waits for the confirmations of them.
pub(crate) struct Publisher {
    channel: Channel,
    exchange: String,
    queue: String,
    messages: u32,
    keys: u32,
    _connection: Connection,
}

impl Publisher {
    /// To `exchange`; of so many keys.
    pub(crate) async fn new(
        broker: &broker::Broker,
        messages: u32,
        keys: u32,
    ) -> Result<Self, BoxError> {
        let (connection, channel) = broker::confirming().await?;
        let (exchange, queue) = (broker.exchange(), broker.queue().to_owned());
        Ok(Self { channel, exchange, queue, messages, keys, _connection: connection })
    }

    pub(crate) async fn publish(&self) -> Result<(), BoxError> {
        let mut under_way = FuturesUnordered::new();
        for number in 0..self.messages {
            if under_way.len() >= WINDOW {
                confirmed(under_way.next().await)?;
            }
            under_way.push(self.send(number));
        }
        while !under_way.is_empty() {
            confirmed(under_way.next().await)?;
        }
        Ok(())
    }

    async fn send(&self, number: u32) -> lapin::Result<Confirmation> {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let key = format!("A-{}", number % self.keys);
        let body = format!(r#"{{"order_no":"{key}","amount":900}}"#);
        let properties = properties(number, &key);
        let (exchange, routing_key) = (self.exchange.as_str().into(), "order.cancelled".into());
        let channel = &self.channel;
        channel
            .basic_publish(exchange, routing_key, options, body.as_bytes(), properties)
            .await?
            .await
    }
}

fn confirmed(answer: Option<lapin::Result<Confirmation>>) -> Result<(), BoxError> {
    match answer {
        Some(Ok(Confirmation::Ack(None))) | None => Ok(()),
        Some(Ok(other)) => Err(format!("not confirmed: {other:?}").into()),
        Some(Err(error)) => Err(error.into()),
    }
}

/// As many as ours, of the same length.
fn properties(number: u32, key: &str) -> BasicProperties {
    let id = EventId::now().to_string();
    let mut headers = FieldTable::default();
    let mut add = |name: &str, value: &str| {
        headers.insert(format!("cloudEvents_{name}").into(), AMQPValue::LongString(value.into()));
    };
    add("specversion", "1.0");
    add("id", &id);
    add("source", "/bench");
    add("type", "order.cancelled");
    add("subject", key);
    add("partitionkey", key);
    add("time", "2026-01-01T00:00:00.000000Z");
    add("sequence", &format!("{number:020}"));
    add("correlationid", &id);
    BasicProperties::default()
        .with_delivery_mode(2)
        .with_message_id(id.as_str().into())
        .with_type("order.cancelled".into())
        .with_content_type("application/json".into())
        .with_app_id("/bench".into())
        .with_correlation_id(id.as_str().into())
        .with_headers(headers)
}

impl Arm for Publisher {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let began = Instant::now();
        self.publish().await?;
        let elapsed = began.elapsed();
        let purged = broker_purge(&self.channel, &self.queue).await?;
        match purged == self.messages {
            true => Ok(elapsed),
            false => Err(format!("{purged} messages of {} arrived", self.messages).into()),
        }
    }
}

async fn broker_purge(channel: &Channel, queue: &str) -> Result<u32, BoxError> {
    let options = lapin::options::QueuePurgeOptions::default();
    Ok(channel.queue_purge(queue.into(), options).await?)
}

/// Receives messages, does nothing with them, and acknowledges many at once.
pub(crate) struct Consumer {
    publisher: Publisher,
    queue: String,
}

impl Consumer {
    pub(crate) async fn new(broker: &broker::Broker, messages: u32) -> Result<Self, BoxError> {
        let publisher = Publisher::new(broker, messages, messages).await?;
        Ok(Self { publisher, queue: broker.queue().to_owned() })
    }
}

impl Arm for Consumer {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        self.publisher.publish().await?;
        let began = Instant::now();
        let (_connection, channel, mut consumer) = broker::consuming(&self.queue).await?;
        for number in 1..=u64::from(self.publisher.messages) {
            let delivery = consumer.next().await.ok_or("the queue has ended")??;
            if number % ACKNOWLEDGED_AT_ONCE == 0 || number == u64::from(self.publisher.messages) {
                broker::acknowledge(&channel, delivery.delivery_tag).await?;
            }
        }
        Ok(began.elapsed())
    }
}
