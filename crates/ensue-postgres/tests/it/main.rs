//! The store on PostgreSQL.

#![cfg(test)]

mod appending;
mod conformance;
mod connections;
mod encodings;
mod faults;
mod horizon;
mod leases;
mod listening;
mod lost_connections;
mod messages;
mod migrations;
mod partitions;
mod proxy;
mod replicas;
mod restarts;
mod restoring;
mod secrets;
mod sequencing;
mod server;
mod settings;
mod statements;
mod surroundings;
mod transactions;
