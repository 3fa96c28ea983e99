//! The store on MySQL and MariaDB.

#![cfg(test)]

mod conformance;
mod messages;
mod migrations;
mod restarts;
mod restoring;
mod secrets;
mod sequencing;
mod server;
mod settings;
mod statements;
mod transactions;
