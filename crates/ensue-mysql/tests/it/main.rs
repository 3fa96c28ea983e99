//! The store on MySQL and MariaDB.

#![cfg(test)]

mod conformance;
mod lost_connections;
mod migrations;
mod restarts;
mod restoring;
mod sequencing;
mod server;
mod settings;
mod statements;
mod transactions;
