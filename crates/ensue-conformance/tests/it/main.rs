//! The suite on a second, quite different store: what it asks is not SQLite's to give alone, and
//! the unit of work is generic over the store.

#![cfg(test)]

mod memory_store;
mod unit_of_work;

ensue_conformance::suite!(memory_store::Memory);
