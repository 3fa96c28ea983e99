//! The feed over a real store, line by line of its contract, and a consumer over a real socket.

// By this clippy knows that helpers are tests too, and lets them unwrap.
#![cfg(test)]

mod answer;
mod bound;
mod consumer;
mod failure;
mod identity;
mod import;
mod method;
mod origin;
mod page;
mod parameter;
mod pruned;
mod replica;
mod shop;
