//! The store on PostgreSQL.

#![cfg(test)]

mod conformance;
mod server;
