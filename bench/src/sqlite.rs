//! SQLite: database files, and what is done to them by hand.

pub(crate) mod cancellation;
pub(crate) mod database;
pub(crate) mod durability;
pub(crate) mod log_row;
