//! The embedded store, and all of ensue on it.

#![cfg(test)]

mod conformance;
mod forwarding;
mod hammer;
mod lost_transactions;
mod opening;
mod phases;
mod processes;
mod retrying;
mod scratch;
mod services;
mod stubborn;
mod tickets;
mod unit_of_work;
