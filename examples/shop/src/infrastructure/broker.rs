//! What lies between the processes of the shop: RabbitMQ.

use ensue_amqp::{AmqpSink, AmqpSource, Error, Exchange, Queue};

/// Where the shop's events are sent to.
const EXCHANGE: &str = "shop.events";

/// Whose events they are.
const SOURCE: &str = "/shop";

#[derive(Debug, Clone)]
pub(crate) struct Broker {
    url: String,
}

impl Broker {
    /// The broker at `url`, `amqp://…`.
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned() }
    }

    /// Where the forwarder sends what others are told of.
    pub(crate) fn sink(&self) -> Result<AmqpSink, Error> {
        AmqpSink::new(&self.url, Exchange::topic(EXCHANGE), SOURCE)
    }

    /// The queue in which events of `event_type` wait for `consumer`.
    pub(crate) fn queue(&self, consumer: &str, event_type: &str) -> Result<AmqpSource, Error> {
        let queue = Queue::new(format!("shop.{consumer}"));
        let queue = queue.bound_to(Exchange::topic(EXCHANGE), event_type).single_active_consumer();
        AmqpSource::new(&self.url, queue)
    }
}
