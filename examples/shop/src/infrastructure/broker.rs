//! What lies between the processes of the shop: RabbitMQ.

use ensue_amqp::{AmqpSink, AmqpSource, Error, Exchange, Queue};

/// Whose events they are.
const SOURCE: &str = "/shop";

#[derive(Debug, Clone)]
pub(crate) struct Broker {
    url: String,
    /// Of which everything there has its name.
    name: String,
}

impl Broker {
    /// The broker at `url`, `amqp://…`.
    pub(crate) fn new(url: &str, name: &str) -> Self {
        Self { url: url.to_owned(), name: name.to_owned() }
    }

    /// Where the forwarder sends what others are told of.
    pub(crate) fn sink(&self) -> Result<AmqpSink, Error> {
        AmqpSink::new(&self.url, self.exchange(), SOURCE)
    }

    /// The queue in which events of `event_type` wait for `consumer`.
    pub(crate) fn queue(&self, consumer: &str, event_type: &str) -> Result<AmqpSource, Error> {
        let queue = Queue::new(format!("{}.{consumer}", self.name));
        let queue = queue.bound_to(self.exchange(), event_type).single_active_consumer();
        AmqpSource::new(&self.url, queue)
    }

    fn exchange(&self) -> Exchange {
        Exchange::topic(format!("{}.events", self.name))
    }
}
