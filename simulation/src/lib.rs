//! A whole small world out of one seed: processes that follow a log, the database between them,
//! operators, and everything that may go wrong.
//!
//! The machines are those of the library; what is around them here is a model of its shell, with a
//! virtual clock for each process and one for the database. One seed decides everything, so that a
//! schedule that broke a promise can be looked at again, step by step.
//!
//! - [`World`] is one schedule. It ends when everything is done, or with a [`Violation`].
//! - A [`Target`] says whether entries are handled there, or sent to a broker.
//! - [`schedules`] runs many, on all cores.
//! - [`Mutant`] is a world that is broken on purpose: whoever does not notice that sees nothing.

mod agenda;
pub mod audience;
mod brief;
mod broker;
mod database;
mod deed;
mod faults;
pub mod fleet;
mod handlers;
mod letter;
mod mutant;
mod process;
pub mod schedules;
mod story;
mod tally;
mod target;
pub mod terminal;
mod trace;
mod violation;
mod world;

pub use mutant::Mutant;
pub use schedules::Found;
pub use tally::Tally;
pub use target::Target;
pub use violation::Violation;
pub use world::World;
