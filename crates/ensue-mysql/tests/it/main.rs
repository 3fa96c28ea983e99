//! The store on MySQL and MariaDB.

#![cfg(test)]

mod batches;
mod conformance;
mod failures;
mod leases;
mod lost_connections;
mod messages;
mod migrations;
mod proxy;
mod repairing;
mod restarts;
mod restoring;
mod secrets;
mod sequencing;
mod server;
mod sessions;
mod settings;
mod statements;
mod transactions;
