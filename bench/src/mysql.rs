//! MySQL and MariaDB: databases on the server that is at hand, and what is done to them by hand.

pub(crate) mod appending;
pub(crate) mod database;
pub(crate) mod writers;
