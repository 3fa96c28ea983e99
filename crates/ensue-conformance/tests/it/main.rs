//! The suites on a second, quite different store, and on a sink in memory: what they ask is not
//! SQLite's or a broker's to give alone, and the unit of work is generic over the store.

#![cfg(test)]

mod memory_sink;
mod memory_store;
mod unit_of_work;

ensue_conformance::suite!(memory_store::Memory);
ensue_conformance::sink_suite!(memory_sink::Memory);
