//! RabbitMQ as it is, and as it fails.

#![cfg(test)]

mod broker;
mod chain;
mod delivery;
mod faults;
mod faults_of_the_chain;
mod format;
mod listening;
mod order;
mod proxy;
mod sdks;
mod secrets;
mod tls;

ensue_conformance::sink_suite!(broker::Place);
