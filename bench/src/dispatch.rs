//! Dispatch in one process: events of many types, and what brings them to their handlers.

mod boxed_functions;
mod contest;
mod handler_kind;
#[cfg(debug_assertions)]
pub mod looks;
mod straight;
mod types;
mod units_of_work;

pub use boxed_functions::{Boxed, BoxedFunction, BoxedFunctions};
pub use contest::{EVENTS, compare};
pub use handler_kind::{AsyncFunction, HandlerKind, PlainFunction};
pub use straight::{Publishing, Raising};
pub use types::{Listen, One, Publish, Raise, Sixteen, Ticked, TwoHundredFiftySix, Types, look_at};
pub use units_of_work::UnitsOfWork;
