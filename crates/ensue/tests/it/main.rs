//! What the tests of an application are written with, as they would be.

#![cfg(test)]

mod forwarding;
mod listening;
mod memory_store;
mod scenario;
mod shop;
mod sinks;
