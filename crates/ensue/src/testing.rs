//! What the tests of an application need; with the feature `testing`.
//!
//! - An entity needs none of it: [`capture`](crate::capture) shows what it raised.
//! - [`Scenario`]: what happens in a whole application, and what ensues from it: given, when,
//!   eventually. On the store that the application uses, or on a [`MemoryStore`].
//! - [`MemoryQueue`]: messages for a [`Listener`](crate::Listener) without a broker.
//! - [`MemorySink`]: what was sent to it, and what becomes of that.
//! - [`VirtualClock`]: time that passes when it is told to.
//!
//! ```toml
//! [dev-dependencies]
//! ensue = { version = "0.1", features = ["testing"] }
//! ```

mod memory_queue;
mod memory_sink;
mod memory_store;
mod scenario;
mod virtual_clock;

pub use memory_queue::{MemoryQueue, MemorySession};
pub use memory_sink::MemorySink;
pub use memory_store::{MemoryStore, MemoryTransaction};
pub use scenario::Scenario;
pub use virtual_clock::VirtualClock;
