//! Short runs of everything.

#![cfg(test)]

mod naive_postgres;
mod postgres;
mod sqlite;
mod trial;
