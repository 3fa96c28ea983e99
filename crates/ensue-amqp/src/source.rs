//! Messages from RabbitMQ.

use std::collections::BTreeSet;
use std::fmt;
use std::time::SystemTime;

use ensue::BoxError;
use ensue::listener::{Arrival, Session, Source, Tag};
use futures_util::future::try_join_all;
use futures_util::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer};

use crate::address::Address;
use crate::error::Error;
use crate::format;
use crate::line::Line;
use crate::session::in_time;
use crate::topology::{Queue, short};

/// Receives what other programs have sent to a queue of RabbitMQ: CloudEvents, in the headers of any
/// binding or structured.
pub struct AmqpSource {
    address: Address,
    queue: Queue,
}

impl AmqpSource {
    /// A source of what is in the `queue` of the broker at `url`, `amqp://user:password@host:port/vhost`.
    ///
    /// # Errors
    /// When the URL is none, or a name is missing or too long.
    pub fn new(url: &str, queue: Queue) -> Result<Self, Error> {
        queue.check()?;
        Ok(Self { address: Address::new(url, format!("ensue from {}", queue.name()))?, queue })
    }

    /// Trusts these certificates too, in PEM: those of a private authority, beside the system's.
    #[must_use]
    pub fn trusting(self, pem: impl Into<String>) -> Self {
        Self { address: self.address.trusting(pem.into()), ..self }
    }
}

impl Source for AmqpSource {
    type Session = AmqpSession;

    async fn open(&self, prefetch: u16) -> Result<AmqpSession, BoxError> {
        let connection = self.address.connect().await?;
        let (channel, consumer) = in_time(self.consume(&connection, prefetch)).await?;
        tracing::info!(broker = %self.address, queue = self.queue.name(), "listening");
        Ok(AmqpSession {
            unacknowledged: BTreeSet::new(),
            prefetch,
            consumer,
            channel,
            is_stopped: false,
            has_ended: false,
            connection,
        })
    }
}

impl AmqpSource {
    async fn consume(
        &self,
        connection: &Line,
        prefetch: u16,
    ) -> Result<(Channel, Consumer), BoxError> {
        let channel = connection.create_channel().await?;
        let unless_kept = connection.end_unless_kept();
        self.queue.prepare(&channel, prefetch).await?;
        let (queue, tag) = (short(self.queue.name())?, short("")?);
        let options = BasicConsumeOptions::default();
        let consumer = channel.basic_consume(queue, tag, options, FieldTable::default()).await?;
        unless_kept.keep();
        Ok((channel, consumer))
    }
}

impl fmt::Debug for AmqpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpSource")
            .field("address", &format_args!("{}", self.address))
            .field("queue", &self.queue)
            .finish()
    }
}

/// A connection that receives from a queue.
pub struct AmqpSession {
    // ORDERING: dropped first, so that nothing is cancelled before it ends.
    connection: Line,
    /// What has arrived and is not acknowledged.
    unacknowledged: BTreeSet<u64>,
    prefetch: u16,
    is_stopped: bool,
    has_ended: bool,
    consumer: Consumer,
    channel: Channel,
}

impl Session for AmqpSession {
    async fn receive(&mut self) -> Result<Vec<Arrival>, BoxError> {
        if self.has_ended || self.is_stopped {
            return self.ended();
        }
        let Some(first) = self.consumer.next().await else { return self.ended() };
        let mut arrivals = vec![self.arrival(&first?)];
        // The client says once that it is over, and why; then it says nothing.
        while let Some(next) = self.consumer.next().now_or_never() {
            let Some(Ok(next)) = next else {
                self.has_ended = true;
                break;
            };
            arrivals.push(self.arrival(&next));
        }
        Ok(arrivals)
    }

    async fn acknowledge(&mut self, tags: &[Tag]) -> Result<(), BoxError> {
        for Tag(tag) in tags {
            self.unacknowledged.remove(tag);
        }
        let first_left = self.unacknowledged.first().copied().unwrap_or(u64::MAX);
        let (below, above) = tags.split_at(tags.partition_point(|Tag(tag)| *tag < first_left));
        // One word for all up to the last of these, and one for each that has a gap before it.
        let up_to = below.last().map(|tag| (tag, true));
        let acknowledged = up_to.into_iter().chain(above.iter().map(|tag| (tag, false)));
        let acknowledging = acknowledged
            .map(|(Tag(tag), multiple)| self.channel.basic_ack(*tag, BasicAckOptions { multiple }));
        try_join_all(acknowledging).await?;
        Ok(())
    }

    /// Nothing is cancelled: another consumer would become the active one, and be given what comes after
    /// the messages that are under way here.
    async fn stop(&mut self) -> Result<(), BoxError> {
        self.is_stopped = true;
        Ok(())
    }

    /// ORDERING: the broker does not answer acknowledgements, and closing a connection overtakes whatever its
    /// channel has not processed. This request changes nothing. The broker answers it after it has processed
    /// everything sent earlier on the channel.
    async fn flush(&mut self) -> Result<(), BoxError> {
        let asking = self.channel.basic_qos(self.prefetch, BasicQosOptions::default());
        in_time(async { Ok(asking.await?) }).await
    }
}

impl AmqpSession {
    fn arrival(&mut self, delivery: &Delivery) -> Arrival {
        self.unacknowledged.insert(delivery.delivery_tag);
        Arrival {
            tag: Tag(delivery.delivery_tag),
            is_redelivered: delivery.redelivered || was_delivered_before(delivery),
            message: format::read(delivery, SystemTime::now().into()),
        }
    }

    fn ended(&mut self) -> Result<Vec<Arrival>, BoxError> {
        self.has_ended = true;
        if self.is_stopped && self.connection.status().connected() {
            return Ok(Vec::new());
        }
        Err("the broker receives for us no more: is the queue gone?".into())
    }
}

/// Quorum queues count.
fn was_delivered_before(delivery: &Delivery) -> bool {
    let headers = delivery.properties.headers().as_ref();
    let count = headers.and_then(|headers| headers.inner().get("x-delivery-count"));
    count.is_some_and(|count| !matches!(count, AMQPValue::LongLongInt(0) | AMQPValue::LongInt(0)))
}

impl fmt::Debug for AmqpSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpSession")
            .field("unacknowledged", &self.unacknowledged.len())
            .finish_non_exhaustive()
    }
}
