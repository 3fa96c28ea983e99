//! What ensue costs, beside the same done by hand: `cargo xtask bench [NAME]`.
//!
//! Each scenario is a question. It has a reference and one or more arms that are compared with it:
//! ours, and others. They take turns round by round in one run: this machine is shared, and what
//! disturbs one arm disturbs the other. What is printed is a ratio of times, **ours divided by the
//! reference's: smaller is better**, and 1.03 means that ours takes 3 % longer. The reference's own
//! time is there for orientation only.
//!
//! Two equal arms come out between 0.97 and 1.03 on two busy cores: less than that is no difference.
//!
//! Three programs beside it share its code, and have the same door:
//! - `cargo xtask bench allocations` counts instead of timing. It has an allocator of its own, which
//!   would slow down what is timed.
//! - `cargo xtask bench rivals` compares the dispatch with that of other crates. They are heavy, so
//!   it is a workspace of its own, in `bench/rivals`.
//! - `cargo xtask bench relays` does so with the forwarder, in `bench/relays`.

mod arm;
mod backlog;
mod clock;
mod comparison;
mod countdown;
mod cpu;
mod cycle;
pub mod dispatch;
mod draining;
mod flavour;
mod latencies;
mod log_pages;
mod memory_store;
mod mysql;
mod order_cancelled;
mod postgres;
mod promptness;
mod rabbitmq;
mod ratios;
mod scenario;
mod scenarios;
mod sqlite;
mod terminal;

pub use arm::Arm;
pub use comparison::{Comparison, Contestant};
pub use countdown::Countdown;
pub use draining::{APartOf, Handling};
pub use memory_store::{MemoryStore, NoConnection, NoTransaction};
pub use postgres::database::Database as PostgresDatabase;
pub use postgres::drain::arm as drain_on_postgres;
pub use scenario::{Measuring, Scenario, UnknownName};
pub use sqlite::cancellation::{ByEnsue, ByHandOnAConnection, ByHandOnAPool};
pub use sqlite::durability::Durability;
pub use terminal::say;
