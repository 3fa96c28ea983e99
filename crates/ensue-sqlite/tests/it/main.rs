//! The embedded store, and all of ensue on it.

mod conformance;
mod forwarding;
mod scratch;
