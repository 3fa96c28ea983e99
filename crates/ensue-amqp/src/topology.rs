//! What has to be there at the broker, and is made unless it should be there already.

use std::fmt;
use std::sync::Arc;

use ensue::{BoxError, Entry};
use lapin::options::{
    BasicQosOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, ExchangeKind};

use crate::error::{Error, ErrorKind};

/// Where messages are sent, and from where they get to queues.
///
/// It is made when it is first used, durable, unless it is to be there [already](Exchange::existing).
#[derive(Clone)]
pub struct Exchange {
    name: String,
    kind: ExchangeKind,
    is_declared: bool,
    routing_key: RoutingKey,
}

type RoutingKey = Arc<dyn Fn(&Entry) -> String + Send + Sync>;

impl Exchange {
    /// An exchange for all events of a service, such as `shop.events`. The routing key is the event's
    /// type, so that a queue is bound for some types alone by a pattern: `order.*`, `#`.
    pub fn topic(name: impl Into<String>) -> Self {
        Self::new(name, ExchangeKind::Topic, |entry| entry.envelope.event_type.to_string())
    }

    /// An exchange that spreads events over its queues by their keys: all of a key go to one queue. Each
    /// queue is bound with the weight that it has, such as `1`.
    ///
    /// With a [single active consumer](Queue::single_active_consumer) for each queue, several machines
    /// handle a stream of events in the order of each key. RabbitMQ's plugin
    /// `rabbitmq_consistent_hash_exchange` has to be enabled. A queue more or less sends some keys
    /// elsewhere: drain the queues before.
    pub fn by_key(name: impl Into<String>) -> Self {
        let kind = ExchangeKind::Custom("x-consistent-hash".to_owned());
        Self::new(name, kind, |Entry { envelope, .. }| match &envelope.key {
            Some(key) => key.clone(),
            None => envelope.id.to_string(),
        })
    }

    fn new(
        name: impl Into<String>,
        kind: ExchangeKind,
        routing_key: impl Fn(&Entry) -> String + Send + Sync + 'static,
    ) -> Self {
        let routing_key = Arc::new(routing_key);
        Self { name: name.into(), kind, is_declared: true, routing_key }
    }

    /// The routing key is what `routing_key` says.
    #[must_use]
    pub fn routed_by(self, routing_key: impl Fn(&Entry) -> String + Send + Sync + 'static) -> Self {
        Self { routing_key: Arc::new(routing_key), ..self }
    }

    /// It is never made: while there is none of that name, nothing is sent or received.
    #[must_use]
    pub fn existing(self) -> Self {
        Self { is_declared: false, ..self }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        check_name("exchange", &self.name)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn routing_key(&self, entry: &Entry) -> String {
        (self.routing_key)(entry)
    }

    pub(crate) async fn prepare(&self, channel: &Channel) -> Result<(), BoxError> {
        let options = ExchangeDeclareOptions {
            durable: true,
            passive: !self.is_declared,
            ..ExchangeDeclareOptions::default()
        };
        let kind = self.kind.clone();
        let declared = channel.exchange_declare(short(&self.name)?, kind, options, no_arguments());
        declared.await.map_err(|error| unprepared("exchange", &self.name, self.is_declared, &error))
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("is_declared", &self.is_declared)
            .finish_non_exhaustive()
    }
}

/// A queue to receive from.
///
/// It is made when it is first used, with its bindings and with a queue `….dead` for what the broker
/// takes out of it, unless it is to be there [already](Queue::existing): a quorum queue, which is on disk
/// and on several nodes, where there are.
#[derive(Debug, Clone)]
pub struct Queue {
    name: String,
    bindings: Vec<(Exchange, String)>,
    is_declared: bool,
    has_a_single_active_consumer: bool,
}

impl Queue {
    /// The queue of that name.
    pub fn new(name: impl Into<String>) -> Self {
        let bindings = Vec::new();
        Self { name: name.into(), bindings, is_declared: true, has_a_single_active_consumer: false }
    }

    /// What is sent to `exchange` gets into it if its routing key matches `pattern`.
    #[must_use]
    pub fn bound_to(mut self, exchange: Exchange, pattern: impl Into<String>) -> Self {
        self.bindings.push((exchange, pattern.into()));
        self
    }

    /// However many processes listen, one of them receives; the order of keys needs it.
    #[must_use]
    pub fn single_active_consumer(self) -> Self {
        Self { has_a_single_active_consumer: true, ..self }
    }

    /// It is never made: while there is none of that name, nothing is received.
    #[must_use]
    pub fn existing(self) -> Self {
        Self { is_declared: false, ..self }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        check_name("queue", &self.dead())?;
        self.bindings.iter().try_for_each(|(exchange, pattern)| {
            exchange.check()?;
            check_length("pattern", pattern)
        })
    }

    fn dead(&self) -> String {
        format!("{}.dead", self.name)
    }

    /// Makes `channel` one on which at the most `prefetch` messages of this queue are under way.
    pub(crate) async fn prepare(&self, channel: &Channel, prefetch: u16) -> Result<(), BoxError> {
        channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
        if !self.is_declared {
            return declare(channel, &self.name, false, no_arguments()).await;
        }
        self.prepare_dead(channel).await?;
        declare(channel, &self.name, true, self.arguments()).await?;
        for (exchange, pattern) in &self.bindings {
            exchange.prepare(channel).await?;
            bind(channel, &self.name, exchange.name(), pattern).await?;
        }
        Ok(())
    }

    /// Without it, what RabbitMQ takes out of a queue it throws away.
    async fn prepare_dead(&self, channel: &Channel) -> Result<(), BoxError> {
        let dead = self.dead();
        Exchange::new(&*dead, ExchangeKind::Fanout, |_| String::new()).prepare(channel).await?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), text("quorum"));
        declare(channel, &dead, true, arguments).await?;
        bind(channel, &dead, &dead, "").await
    }

    fn arguments(&self) -> FieldTable {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), text("quorum"));
        arguments.insert("x-dead-letter-exchange".into(), text(&self.dead()));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(DELIVERY_LIMIT));
        if self.has_a_single_active_consumer {
            arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
        }
        arguments
    }
}

async fn declare(
    channel: &Channel,
    name: &str,
    is_declared: bool,
    arguments: FieldTable,
) -> Result<(), BoxError> {
    let options = QueueDeclareOptions {
        durable: true,
        passive: !is_declared,
        ..QueueDeclareOptions::default()
    };
    let declared = channel.queue_declare(short(name)?, options, arguments).await;
    declared.map(drop).map_err(|error| unprepared("queue", name, is_declared, &error))
}

async fn bind(
    channel: &Channel,
    queue: &str,
    exchange: &str,
    pattern: &str,
) -> Result<(), BoxError> {
    let (queue, exchange, pattern) = (short(queue)?, short(exchange)?, short(pattern)?);
    let options = QueueBindOptions::default();
    Ok(channel.queue_bind(queue, exchange, pattern, options, no_arguments()).await?)
}

fn unprepared(what: &str, name: &str, is_declared: bool, error: &lapin::Error) -> BoxError {
    let advice = match is_declared {
        true => "if another program has made it differently, take it with `.existing()`",
        false => "it is to be there already",
    };
    format!("cannot use the {what} `{name}` ({advice}): {error}").into()
}

fn check_name(what: &str, name: &str) -> Result<(), Error> {
    if name.is_empty() {
        return Err(Error::new(ErrorKind::Name, format!("an {what} without a name")));
    }
    check_length(what, name)
}

fn check_length(what: &str, name: &str) -> Result<(), Error> {
    let checked = ShortString::try_new(name);
    checked
        .map(drop)
        .map_err(|error| Error::new(ErrorKind::Name, format!("{what} `{name}`: {error}")))
}

/// `From` panics where it is too long.
pub(crate) fn short(text: &str) -> Result<ShortString, BoxError> {
    Ok(ShortString::try_new(text)?)
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

fn no_arguments() -> FieldTable {
    FieldTable::default()
}

/// LIMIT: deliveries of a message, before it goes to the dead. Whatever a listener cannot handle it sets
/// aside itself; what is counted here are sessions that were lost with the message unacknowledged, and
/// RabbitMQ 4 would give up after 20 of those.
const DELIVERY_LIMIT: i32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_amqp_has_no_room_for_are_refused() {
        let long = "x".repeat(256);
        for error in [
            Exchange::topic("").check(),
            Exchange::topic(&*long).check(),
            Queue::new(&long[..252]).check(),
            Queue::new("q").bound_to(Exchange::topic("e"), &*long).check(),
        ] {
            assert_eq!(error.unwrap_err().kind(), ErrorKind::Name);
        }
        assert!(Queue::new("q").bound_to(Exchange::topic("e"), "").check().is_ok());
    }
}
