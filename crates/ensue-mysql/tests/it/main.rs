//! The store on MySQL and MariaDB.

#![cfg(test)]

mod conformance;
mod leases;
mod migrations;
mod restarts;
mod restoring;
mod sequencing;
mod server;
mod settings;
mod statements;
mod transactions;
