//! Some tens of thousands of schedules, and those that are broken on purpose.

mod fleets;
mod listeners;
mod mutants;
mod schedules;
mod sinks;
