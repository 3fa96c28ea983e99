//! The embedded store, and all of ensue on it.

#![cfg(test)]

#[cfg(target_os = "linux")]
mod backlog;
mod conformance;
mod forwarding;
#[cfg(target_os = "linux")]
mod full_disk;
mod hammer;
mod handlers;
mod import;
mod incidents;
mod lanes;
mod lost_transactions;
mod migrations;
mod opening;
mod operating;
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
mod shutting_down;
mod statements;
#[cfg(target_os = "linux")]
mod stopped;
mod stubborn;
mod tickets;
mod unit_of_work;
mod wiring;
mod worker;
