//! In which forms a handler of ours can be written.

use ensue::Builder;

use super::types::{Ticked, look_at};
use crate::memory_store::MemoryStore;

/// A form in which a handler is written. They all do the same.
pub trait HandlerKind: 'static {
    /// What it is called in the table.
    const NAME: &'static str;

    /// Registers one for `E`.
    fn listen<E: Ticked>(builder: Builder<MemoryStore>) -> Builder<MemoryStore>;
}

/// `async fn`, which is what most handlers are.
#[derive(Debug)]
pub struct AsyncFunction;

impl HandlerKind for AsyncFunction {
    const NAME: &'static str = "ensue, async functions";

    fn listen<E: Ticked>(builder: Builder<MemoryStore>) -> Builder<MemoryStore> {
        async fn handle<E: Ticked>(event: &E) {
            look_at(event);
        }
        builder.on(handle::<E>)
    }
}

/// A function that is not async: it has nothing to wait for.
#[derive(Debug)]
pub struct PlainFunction;

impl HandlerKind for PlainFunction {
    const NAME: &'static str = "ensue, functions";

    fn listen<E: Ticked>(builder: Builder<MemoryStore>) -> Builder<MemoryStore> {
        fn handle<E: Ticked>(event: &E) {
            look_at(event);
        }
        builder.on(handle::<E>)
    }
}
