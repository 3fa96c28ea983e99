//! PostgreSQL: databases on the server that is at hand, and what is done to them by hand.

pub(crate) mod appending;
pub(crate) mod commits;
pub(crate) mod database;
pub(crate) mod drain;
pub(crate) mod filling;
pub(crate) mod log_row;
pub(crate) mod writers;
