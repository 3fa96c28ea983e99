//! RabbitMQ as it is, and as it fails.

#![cfg(test)]

mod broker;
mod delivery;
mod faults;
mod format;
mod listening;
mod order;
mod proxy;
mod sdks;

ensue_conformance::sink_suite!(broker::Place);
