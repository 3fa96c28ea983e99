//! An exchange and a quorum queue that nobody else uses.

use ensue::{BoxError, EventId};
use ensue_amqp::{AmqpSink, AmqpSource, Exchange, Queue};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, ConfirmSelectOptions,
    ExchangeDeleteOptions, QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, Consumer};

/// Messages that are on their way to a consumer and not acknowledged.
pub(crate) const PREFETCH: u16 = 1_000;

const SOURCE: &str = "/bench";

pub(crate) struct Broker {
    name: String,
    /// For what is done beside the arms.
    connection: Connection,
}

impl Broker {
    /// With a queue for everything that is sent to the exchange.
    pub(crate) async fn new() -> Result<Self, BoxError> {
        let name = format!("bench-{}", EventId::now().as_uuid().simple());
        let broker = Self { name, connection: connect().await? };
        // The source makes both when it is opened.
        drop(ensue::listener::Source::open(&broker.source()?, 1).await?);
        Ok(broker)
    }

    pub(crate) fn exchange(&self) -> String {
        format!("{}.events", self.name)
    }

    pub(crate) fn queue(&self) -> &str {
        &self.name
    }

    pub(crate) fn sink(&self) -> Result<AmqpSink, BoxError> {
        Ok(AmqpSink::new(&servers::amqp_url(), Exchange::topic(self.exchange()), SOURCE)?)
    }

    pub(crate) fn source(&self) -> Result<AmqpSource, BoxError> {
        let queue = Queue::new(&*self.name).bound_to(Exchange::topic(self.exchange()), "#");
        Ok(AmqpSource::new(&servers::amqp_url(), queue.single_active_consumer())?)
    }

    /// How many messages were in the queue that now is empty.
    pub(crate) async fn purge(&self) -> Result<u32, BoxError> {
        let channel = self.connection.create_channel().await?;
        let options = QueuePurgeOptions::default();
        let purged = channel.queue_purge(self.queue().into(), options).await?;
        channel.close(200, "done".into()).await?;
        Ok(purged)
    }

    /// Drops what it had.
    pub(crate) async fn close(self) -> Result<(), BoxError> {
        let channel = self.connection.create_channel().await?;
        for queue in [self.name.clone(), format!("{}.dead", self.name)] {
            channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
        }
        for exchange in [self.exchange(), format!("{}.dead", self.name)] {
            channel.exchange_delete(exchange.into(), ExchangeDeleteOptions::default()).await?;
        }
        Ok(self.connection.close(200, "done".into()).await?)
    }
}

/// A channel of its own on which messages are confirmed.
pub(crate) async fn confirming() -> Result<(Connection, Channel), BoxError> {
    let connection = connect().await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok((connection, channel))
}

/// What is in `queue`, message by message; the connection has to be kept.
pub(crate) async fn consuming(queue: &str) -> Result<(Connection, Channel, Consumer), BoxError> {
    let connection = connect().await?;
    let channel = connection.create_channel().await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let consuming = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default());
    let consumer = consuming.await?;
    Ok((connection, channel, consumer))
}

/// All up to `tag`.
pub(crate) async fn acknowledge(channel: &Channel, tag: u64) -> Result<(), BoxError> {
    Ok(channel.basic_ack(tag, BasicAckOptions { multiple: true }).await?)
}

async fn connect() -> Result<Connection, BoxError> {
    Ok(Connection::connect(&servers::amqp_url(), ConnectionProperties::default()).await?)
}
