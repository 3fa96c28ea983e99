//! The embedded store, and all of ensue on it.

#![cfg(test)]

mod conformance;
mod forwarding;
mod hammer;
mod handlers;
mod import;
mod lost_transactions;
mod opening;
mod order;
mod origins;
mod ownership;
mod phases;
mod processes;
mod retrying;
mod scenario;
mod scratch;
mod services;
mod setting_aside;
mod stubborn;
mod tickets;
mod unit_of_work;
mod wiring;
