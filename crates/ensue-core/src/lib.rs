//! The words of [ensue](https://docs.rs/ensue) that a domain depends on.
//!
//! A domain crate needs nothing else: no async runtime, no database, no bus. It declares its
//! events and raises them.
//!
//! ```
//! use ensue_core::{Event, capture, raise};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Event, Serialize, Deserialize)]
//! #[event(type = "order.cancelled", key = order_no)]
//! pub struct OrderCancelled {
//!     pub order_no: String,
//!     pub amount: i64,
//! }
//!
//! pub struct Order {
//!     no: String,
//!     amount: i64,
//!     cancelled: bool,
//! }
//!
//! impl Order {
//!     pub fn cancel(&mut self) {
//!         self.cancelled = true;
//!         raise(OrderCancelled { order_no: self.no.clone(), amount: self.amount });
//!     }
//! }
//!
//! // A unit test of the entity needs no infrastructure:
//! let mut order = Order { no: "A-1".into(), amount: 900, cancelled: false };
//! let ((), raised) = capture(|| order.cancel());
//! let expected = OrderCancelled { order_no: "A-1".into(), amount: 900 };
//! assert_eq!(raised[0].downcast_ref(), Some(&expected));
//! ```
//!
//! - [`Event`]: a typed, past-tense fact; [`AnyEvent`]: one whose type is known at run time only.
//! - [`raise`], [`raise_at`], [`try_raise`], [`Pending`], [`Raise`]: four ways to hand an event over,
//!   one mechanism under them.
//! - [`Envelope`], [`Entry`], [`Meta`]: an event with its metadata, stored and delivered.
//! - [`NameRule`]: the rules for names.
//! - [`Origin`]: what the events of a request or a message share.
//! - [`capture`]: what was raised, in a test.

mod any_event;
mod envelope;
mod event;
mod id;
mod json;
mod meta;
mod name_rule;
mod origin;
mod pending;
mod position;
mod raise;
#[doc(hidden)]
pub mod scope;
mod timestamp;

pub use any_event::AnyEvent;
pub use ensue_derive::Event;
pub use envelope::{Entry, Envelope};
pub use event::{Event, PayloadError};
pub use id::{CorrelationId, EventId, LogId};
pub use meta::Meta;
pub use name_rule::{InvalidName, NameRule};
pub use origin::{Origin, Originated};
pub use pending::{Pending, Recorded};
pub use position::Position;
pub use raise::{Ambient, Raise, raise, raise_at, try_raise};
pub use scope::{capture, capture_async};
pub use timestamp::{Clock, Timestamp};

/// What the derive macro writes out; not an interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::any_event::Handled;
    pub use crate::event::{Event as EventTrait, PayloadError};
    pub use crate::json::{Upcast, Upcaster, decode_json, encode_json};
    pub use crate::name_rule::assert_event_type;
    pub use serde_json::Value;
}
