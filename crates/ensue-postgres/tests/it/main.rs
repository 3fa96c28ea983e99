//! The store on PostgreSQL.

#![cfg(test)]

mod appending;
mod conformance;
mod connections;
mod forwarding;
mod listening;
mod migrations;
mod sequencing;
mod server;
mod settings;
mod transactions;
