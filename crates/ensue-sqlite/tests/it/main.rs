//! The embedded store, and all of ensue on it.

#![cfg(test)]

mod backlog;
mod batches;
mod conformance;
mod failing_statements;
mod forwarding;
mod full_disk;
mod hammer;
mod handlers;
mod import;
mod incidents;
mod lanes;
mod lost_transactions;
mod messages;
mod migrations;
mod opening;
mod operating;
mod order;
mod origins;
mod ownership;
mod phases;
mod processes;
mod replaying;
mod retrying;
mod scenario;
mod scratch;
mod services;
mod setting_aside;
mod sharing;
mod shutting_down;
mod statements;
mod stopped;
mod stubborn;
mod surroundings;
mod tickets;
mod unit_of_work;
mod unknown_types;
mod verifying;
mod wiring;
mod worker;
