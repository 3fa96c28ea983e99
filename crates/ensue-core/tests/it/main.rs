//! What a domain sees.

#![cfg(test)]

mod derive;
mod pending;
mod raising;
mod scopes;
