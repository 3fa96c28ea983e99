//! Some tens of thousands of schedules, and those that are broken on purpose.

mod mutants;
mod schedules;
