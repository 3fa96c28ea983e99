//! What a backlog takes to drain, beside other crates: `cargo xtask bench relays`.
//!
//! Everything is measured by the harness of `bench`, all in one run and in turn, on one server. Each
//! relay finds its backlog in a table of its own and hands it to something that does nothing:
//!
//! | relay | to | and for each event it |
//! |---|---|---|
//! | ensue, in batches | a handler with `&mut Tx` | decodes; for 1,000 of them it commits |
//! | ensue, one by one | a handler with `&mut Tx` | decodes and commits |
//! | `hexeract-outbox-sql` | a handler without a transaction | decodes, commits; for a batch it claims |
//! | `outbox-postgres` | a transport | decodes and notifies; for a batch it claims and commits |
//!
//! Ours keeps the order of each key and is exactly-once in that database; the others are neither.

mod hexeract;
mod outbox;
mod pool;

use bench::{APartOf, Comparison, Contestant, Handling, drain_on_postgres};
use ensue::BoxError;

const EVENTS: u32 = 100_000;
const ROUNDS: u32 = 3;

/// What commits for each event does this part of the work.
const PARTS: u32 = 50;

fn main() -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { tokio::spawn(measure()).await? })
}

async fn measure() -> Result<(), BoxError> {
    let comparison = Comparison {
        name: format!("a backlog of {EVENTS}"),
        operation: "event",
        per_round: EVENTS,
        rounds: ROUNDS,
    };
    let part = EVENTS / PARTS;
    let one_lane = drain_on_postgres(part, Handling::OneByOne { lanes: 1 }).await?;
    let lanes = drain_on_postgres(part, Handling::OneByOne { lanes: 16 }).await?;
    let hexeract = hexeract::Relay::new(part).await?;
    let contestants = vec![
        Contestant::new("ensue, a commit each, one lane", APartOf { arm: one_lane, parts: PARTS }),
        Contestant::new("ensue, a commit each, 16 lanes", APartOf { arm: lanes, parts: PARTS }),
        Contestant::new("hexeract-outbox 0.6", APartOf { arm: hexeract, parts: PARTS }),
        Contestant::new("outbox-postgres 0.3, 100 at once", outbox::Relay::new(EVENTS, 100).await?),
        Contestant::new("outbox-postgres 0.3, 1,000", outbox::Relay::new(EVENTS, 1_000).await?),
    ];
    let ours = drain_on_postgres(EVENTS, Handling::InBatches { of: 1_000 }).await?;
    comparison.run(ours, contestants).await
}
