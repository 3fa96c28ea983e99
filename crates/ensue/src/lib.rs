//! Domain events: **A happens, B ensues.**
//!
//! An event raised by your domain is stored in the transaction that made it true, and everything
//! that must ensue from it ensues: once, in order, soon, and provably.
//!
//! ```
//! use ensue::{BoxError, Event, Events, Meta, State, Store, Tx, raise};
//! use serde::{Deserialize, Serialize};
//!
//! // The domain: no bus parameter, no async, no database.
//! #[derive(Debug, Event, Serialize, Deserialize)]
//! #[event(type = "order.cancelled", key = order_no)]
//! struct OrderCancelled { order_no: String, amount: i64 }
//!
//! fn cancel(order_no: &str) {
//!     raise(OrderCancelled { order_no: order_no.into(), amount: 900 });
//! }
//!
//! // What ensues in the same transaction: an error takes everything back.
//! async fn restock<S: Store>(event: &OrderCancelled, _tx: &mut Tx<S>) -> Result<(), BoxError> {
//!     println!("back to stock: {}", event.order_no);
//!     Ok(())
//! }
//!
//! // What ensues durably: tried until it is done, with the event's id as the idempotency key.
//! async fn refund(
//!     event: &OrderCancelled,
//!     State(gateway): State<String>,
//!     meta: Meta,
//! ) -> Result<(), BoxError> {
//!     println!("POST {gateway}/refunds {} {}", meta.id, event.amount);
//!     Ok(())
//! }
//!
//! async fn example<S: Store>(store: S) -> Result<(), ensue::Error> {
//!     let events = Events::builder(store)
//!         .state("http://localhost:9000".to_string())
//!         .on(restock)
//!         .subscribe("refunds", refund)
//!         .build()
//!         .await?;
//!     let forwarder = events.forward();
//!
//!     events.run(async |_tx| {
//!         cancel("A-1");
//!         Ok::<_, ensue::Error>(())
//!     }).await?;
//!
//!     forwarder.shutdown(std::time::Duration::from_secs(30)).await;
//!     Ok(())
//! }
//! ```
//!
//! # The tour
//! - [`Event`], [`raise`] and their kin come from `ensue-core`, all that a domain crate needs.
//! - [`Builder`] takes states, handlers and subscriptions, and refuses what cannot work;
//!   [`Events`] runs units of work.
//! - [`Tx`] is an open unit of work: the database's transaction and the events raised in it.
//! - [`Handler`], [`TxHandler`] and functions of `(&Event, State<T>, Meta, &mut Tx)`: see
//!   [`IntoHandler`].
//! - [`Sink`] is where entries go that leave the process: [`Builder::forward_to`].
//! - [`Listener`] handles what has happened elsewhere: [`Builder::listen`], [`Events::listen`].
//! - [`Events::forward`] runs the subscriptions; [`subscription`] says what is promised.
//! - [`Store`] is what a database must do; `ensue-sqlite` is one.
//! - `testing`, with the feature of that name: a store in memory, a virtual clock, scenarios.

mod batch;
mod builder;
mod cascade;
pub mod cloud_event;
mod directed;
mod error;
mod events;
mod forwarder;
mod handler;
mod lateness;
pub mod listener;
mod local_pool;
mod operator;
mod rescue;
mod retry_policy;
pub mod sequencer;
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod simulation;
mod sink;
pub mod store;
pub mod subscription;
#[cfg(feature = "testing")]
pub mod testing;
mod ticket;
mod tx;
mod verification;
mod words;

pub use batch::{Batch, Received};
pub use builder::Builder;
pub use directed::{Directed, permanent, retry_after};
#[doc(inline)]
pub use ensue_core::__private::EventTrait as Event;
pub use ensue_core::{
    Ambient, AnyEvent, Clock, CorrelationId, Entry, Envelope, EventId, InvalidName, Meta, NameRule,
    Origin, PayloadError, Pending, Position, Raise, Recorded, Timestamp, capture, capture_async,
    raise, raise_at, try_raise,
};
pub use ensue_derive::{EventOfEnsue as Event, service};
pub use error::{BoxError, Error, ErrorKind};
pub use events::Events;
pub use forwarder::Forwarder;
pub use handler::{Handler, IntoHandler, IntoPlainHandler, Parameter, State, TxHandler};
pub use lateness::Late;
pub use listener::{DeadLetters, Listener, ListenerCounts, Listening, Retried, RetriedAll};
pub use local_pool::AfterCommitCounts;
pub use operator::{Operator, Requested, SeekPlan};
pub use retry_policy::RetryPolicy;
pub use sink::{Outcome, Sink};
pub use store::{DeadLetter, Inbox, Log, Store, Subscriptions, Transactions};
pub use subscription::{Start, SubscriptionBuilder, SubscriptionStatus, UnknownTypes};
pub use ticket::{Handled, Ticket};
pub use tx::Tx;
pub use verification::{Finding, Verification};

/// What the derive macro writes out; not an interface.
#[doc(hidden)]
pub mod __private {
    pub use ensue_core::__private::*;
}
