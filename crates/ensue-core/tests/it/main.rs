//! What a domain sees.

#![cfg(test)]

mod derive;
mod evolution;
mod origins;
mod pending;
mod raising;
mod scopes;
mod values;
