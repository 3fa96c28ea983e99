//! [RabbitMQ](https://www.rabbitmq.com) for [ensue](https://docs.rs/ensue): a [sink](AmqpSink) for what
//! leaves a process, and a [source](AmqpSource) of what another one has sent.
//!
//! ```no_run
//! # async fn example<S: ensue::Store>(store: S) -> Result<(), ensue::BoxError> {
//! use ensue_amqp::{AmqpSink, Exchange};
//!
//! let broker = AmqpSink::new("amqp://localhost", Exchange::topic("shop.events"), "/shop")?;
//! let events = ensue::Events::builder(store)
//!     .subscription("broker", |s| s.forward_to(broker).only(["order.placed", "order.cancelled"]))
//!     .build()
//!     .await?;
//! # Ok(()) }
//! ```
//!
//! # What is sent
//! An event is a persistent message with the attributes of
//! [CloudEvents](ensue::cloud_event) in its headers, `cloudEvents_id` and so on, and its payload as the
//! body, byte for byte. [Structured](AmqpSink::structured), the body is one JSON object with everything
//! in it. AMQP's own properties are filled too, for consumers that know of no CloudEvents:
//!
//! | property | is |
//! |---|---|
//! | `message_id` | the event's id, by which repetitions are recognised |
//! | `type`, `content_type` | as they are stored |
//! | `timestamp` | when it happened, in seconds |
//! | `app_id` | the source |
//! | `correlation_id` | the story |
//!
//! Those of more than 255 bytes are left out: AMQP has no room for them there. The trace context is a
//! header `traceparent` too, and is read from there if the attribute is missing.
//!
//! # Delivered, and really
//! *Delivered* is what the broker has confirmed and not returned: a message without a queue to go to is
//! confirmed as well, and lost. A queue that is full refuses, and a broker whose memory or disk is full
//! reads no more, which is [nobody there](ensue::Sink) and not a failure. A session that is lost is opened
//! again by the next call.
//!
//! An event that no queue is bound for is not delivered: it is set aside, tried again, and in the end
//! parked, since it may be that the queue is only missing. So send [only](ensue::SubscriptionBuilder::only)
//! the types that somebody listens to, or give the exchange an alternate one, which takes the rest, by a
//! policy of the broker's.

mod address;
mod error;
mod format;
mod handshake;
mod line;
mod publishing;
mod session;
mod sink;
mod source;
mod topology;

pub use error::{Error, ErrorKind};
pub use sink::AmqpSink;
pub use source::{AmqpSession, AmqpSource};
pub use topology::{Exchange, Queue};
