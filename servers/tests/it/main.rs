//! Real servers, started, killed and gone.

#![cfg(test)]

mod abandoned;
mod pgbouncer;
mod postgres;
mod rabbitmq;
mod scratch;
