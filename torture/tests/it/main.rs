//! Short runs of everything.

#![cfg(test)]

mod mysql;
mod naive_postgres;
mod postgres;
mod sqlite;
mod trial;
