//! Real servers, started, killed and gone.

#![cfg(test)]

mod abandoned;
mod mariadb;
mod pgbouncer;
mod postgres;
mod rabbitmq;
mod scratch;
