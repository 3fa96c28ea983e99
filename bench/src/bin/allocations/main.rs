//! How many allocations an event and a unit of work cost: `cargo xtask bench allocations`.
//!
//! They are counted, not timed. Those of an event are the same on every machine and in every run.
//! On SQLite all threads of the program count, the driver's too, which makes a few more or less of
//! them; what SQLite itself takes, which is C, does not count.

mod count;
mod events;
mod units_of_work;

use std::alloc::System;

use ensue::BoxError;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        events::count().await?;
        units_of_work::count().await
    })
}
