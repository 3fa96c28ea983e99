//! Whether a sequencer that is far behind gets on as fast as one that is not.

use std::time::{Duration, Instant};

use ensue::{BoxError, Log, Position};

use crate::postgres::commits::Commits;
use crate::postgres::database::Database;
use crate::postgres::filling;
use crate::scenario::Scenario;
use crate::terminal;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "sequencer_drain",
    question: "what does the sequencer take for an event on PostgreSQL when millions wait in the \
               outbox, beside a hundred thousand?",
    measure: || Box::pin(measure()),
};

const FEW: u32 = 100_000;
const MANY: u32 = 10_000_000;

/// Of the few, before and after the many.
const ROUNDS: u32 = 3;

const TARGET: f64 = 1.5;

/// LIMIT: how long it may take; only a sequencer that hangs gets there.
const PATIENCE: Duration = Duration::from_secs(1_800);

async fn measure() -> Result<(), BoxError> {
    drain(FEW).await?; // warms up
    let mut few = Vec::new();
    for _ in 0..ROUNDS {
        few.push(drain(FEW).await?);
    }
    let many = drain(MANY).await?;
    for _ in 0..ROUNDS {
        few.push(drain(FEW).await?);
    }
    few.sort();
    let micros = |each: Duration| each.as_secs_f64() * 1e6;
    let (lowest, median, highest) = (few[0], few[few.len() / 2], few[few.len() - 1]);
    terminal::say(&format_args!(
        "  {FEW} rows: {:.1} us for an event ({:.1} to {:.1}); {MANY} rows: {:.1} us, {:.2} x, \
         target <= {TARGET:.2}",
        micros(median),
        micros(lowest),
        micros(highest),
        micros(many),
        micros(many) / micros(median),
    ));
    Ok(())
}

/// From the start of a sequencer to its last pass, for each event.
async fn drain(rows: u32) -> Result<Duration, BoxError> {
    let database = Database::new(Commits::AsTheDiskIs).await?;
    filling::fill_outbox(&database, rows).await?;
    let began = Instant::now();
    let store = database.store().await?;
    let moving = async {
        while store.head().await? < Position::new(rows.into()) {
            store.changed_elsewhere().await;
        }
        Ok::<_, BoxError>(())
    };
    tokio::time::timeout(PATIENCE, moving).await??;
    Ok(Duration::from_secs_f64(began.elapsed().as_secs_f64() / f64::from(rows)))
}
