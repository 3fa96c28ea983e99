//! The store on MySQL and MariaDB.

#![cfg(test)]

mod batches;
mod conformance;
mod failures;
mod lost_connections;
mod migrations;
mod proxy;
mod repairing;
mod restarts;
mod restoring;
mod sequencing;
mod server;
mod sessions;
mod settings;
mod statements;
mod transactions;
