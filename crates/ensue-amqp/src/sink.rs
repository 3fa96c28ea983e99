//! Entries to RabbitMQ.

use std::fmt;
use std::sync::Arc;

use ensue::{BoxError, Entry, Outcome, Sink, permanent};
use lapin::types::ShortString;
use tokio::sync::Mutex;

use crate::address::Address;
use crate::error::{Error, ErrorKind};
use crate::format::Format;
use crate::publishing::{Batch, Outgoing};
use crate::session::Session;
use crate::topology::{Exchange, short};

/// Sends entries to an exchange of RabbitMQ, and knows which of them queues have.
///
/// It connects when there is something to send, and again after the connection was lost. `amqps://` is
/// TLS, with the certificates that the system trusts.
pub struct AmqpSink {
    address: Address,
    exchange: Exchange,
    exchange_name: ShortString,
    source: String,
    format: Format,
    message_bytes_max: usize,
    session: Mutex<Option<Arc<Session>>>,
}

impl AmqpSink {
    /// A sink to the `exchange` of the broker at `url`, `amqp://user:password@host:port/vhost`. The
    /// events are those of `source`: a URI or its path, such as `/shop/orders`, which recognises them
    /// together with their ids.
    ///
    /// # Errors
    /// When the URL is none, or a name is missing or too long.
    pub fn new(url: &str, exchange: Exchange, source: impl Into<String>) -> Result<Self, Error> {
        let source = source.into();
        exchange.check()?;
        if source.is_empty() {
            return Err(Error::new(ErrorKind::Name, "the events' source has no name"));
        }
        let exchange_name = ShortString::try_new(exchange.name());
        Ok(Self {
            address: Address::new(url, format!("ensue {source} to {}", exchange.name()))?,
            exchange_name: exchange_name
                .map_err(|error| Error::new(ErrorKind::Name, error.to_string()))?,
            exchange,
            source,
            format: Format::AMQP,
            message_bytes_max: MESSAGE_BYTES_MAX,
            session: Mutex::default(),
        })
    }

    /// Trusts these certificates too, in PEM: those of a private authority, beside the system's.
    #[must_use]
    pub fn trusting(self, pem: impl Into<String>) -> Self {
        Self { address: self.address.trusting(pem.into()), ..self }
    }

    /// Sends each event as one JSON object, the attributes beside the payload, instead of attributes in
    /// headers.
    #[must_use]
    pub fn structured(self) -> Self {
        Self { format: Format::Structured, ..self }
    }

    /// Names the headers of attributes `ce-id` and so on, as Knative does with RabbitMQ and CloudEvents'
    /// SDK for Python expects it. By default they are `cloudEvents_id` and so on, as in AMQP 1.0, which
    /// RabbitMQ converts them to for consumers that speak it.
    #[must_use]
    pub fn knative(self) -> Self {
        Self { format: Format::KNATIVE, ..self }
    }

    /// How large a message may be; 16 MiB, as RabbitMQ 4 has it by default. What is larger is refused
    /// here, and parked: the broker would close the channel on it.
    #[must_use]
    pub fn message_bytes_max(self, bytes: usize) -> Self {
        Self { message_bytes_max: bytes, ..self }
    }

    async fn session(&self) -> Result<Arc<Session>, BoxError> {
        let mut current = self.session.lock().await;
        if let Some(session) = current.as_ref().filter(|session| session.is_open()) {
            return Ok(session.clone());
        }
        *current = None;
        let session = Arc::new(Session::open(&self.address, &self.exchange).await?);
        tracing::info!(broker = %self.address, exchange = self.exchange.name(), "connected");
        Ok(current.insert(session).clone())
    }

    fn outgoing(&self, entry: &Entry, head_bytes_max: usize) -> Result<Outgoing, BoxError> {
        let message = self.format.write(entry, &self.source);
        limit("body", message.body.len(), self.message_bytes_max)?;
        limit("headers", message.head_bytes, head_bytes_max)?;
        let routing_key = short(&self.exchange.routing_key(entry))?;
        Ok(Outgoing { id: entry.envelope.id, routing_key, message })
    }
}

impl Sink for AmqpSink {
    async fn send(&self, entries: &[Entry]) -> Result<Vec<Outcome>, BoxError> {
        let session = self.session().await?;
        let lent = session.lend().await?;
        let head_bytes_max = session.frame_bytes_max().saturating_sub(OF_PROPERTIES);
        let mut refusals = Vec::with_capacity(entries.len());
        let mut messages = Vec::with_capacity(entries.len());
        for entry in entries {
            match self.outgoing(entry, head_bytes_max) {
                Ok(message) => {
                    messages.push(message);
                    refusals.push(None);
                }
                Err(why) => refusals.push(Some(Outcome::Rejected(permanent(why).into()))),
            }
        }
        let batch = Batch::publish(lent.channel(), &self.exchange_name, &messages).await;
        match batch.is_complete() {
            true => lent.give_back(),
            false if session.is_blocked() => lent.give_up(),
            // It spoils the session: the next call opens another.
            false => drop(lent),
        }
        let mut outcomes = batch.into_outcomes(&messages).into_iter();
        let missing = || Outcome::Unknown("it has no answer".into());
        let answered = refusals
            .into_iter()
            .map(|refusal| refusal.unwrap_or_else(|| outcomes.next().unwrap_or_else(missing)));
        Ok(answered.collect())
    }
}

impl fmt::Debug for AmqpSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AmqpSink")
            .field("address", &format_args!("{}", self.address))
            .field("exchange", &self.exchange)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

fn limit(what: &str, bytes: usize, bytes_max: usize) -> Result<(), BoxError> {
    match bytes <= bytes_max {
        true => Ok(()),
        false => Err(format!("its {what} have {bytes} bytes, more than {bytes_max}").into()),
    }
}

/// LIMIT: what RabbitMQ 4 takes by default; 3 takes eight times as much.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Bytes of a message's head beside its headers: a few short strings.
const OF_PROPERTIES: usize = 2_048;
