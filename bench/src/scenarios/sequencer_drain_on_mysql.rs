//! How fast a sequencer moves what waits.

use std::time::{Duration, Instant};

use ensue::{BoxError, Log, Position, raise};
use ensue_mysql::Events;

use crate::mysql::database::Database;
use crate::order_cancelled::OrderCancelled;
use crate::scenario::Scenario;
use crate::terminal;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "sequencer_drain_on_mysql",
    question: "what does the sequencer take for an event on MySQL when a hundred thousand wait in \
               the outbox, beside the statement that copies as many rows?",
    measure: || Box::pin(measure()),
};

const ROWS: u32 = 100_000;
const ROUNDS: u32 = 3;

/// LIMIT: events of a unit of work that fills the outbox.
const AT_ONCE: usize = 10_000;

/// LIMIT: how long it may take; only a sequencer that hangs gets there.
const PATIENCE: Duration = Duration::from_secs(600);

async fn measure() -> Result<(), BoxError> {
    for _ in 0..ROUNDS {
        let (drained, copied) = drain().await?;
        let micros = |whole: Duration| whole.as_secs_f64() * 1e6 / f64::from(ROWS);
        terminal::say(&format_args!(
            "  {:.1} us for an event, a copy {:.1} us, {:.2} x",
            micros(drained),
            micros(copied),
            micros(drained) / micros(copied),
        ));
    }
    Ok(())
}

async fn drain() -> Result<(Duration, Duration), BoxError> {
    let database = Database::new().await?;
    let idle = database.store_options().sequence_on_demand().connect().await?;
    let events = Events::builder(idle.clone()).build().await?;
    for first in (0..ROWS).step_by(AT_ONCE) {
        let filling = events.run(async |_tx| {
            (first..).take(AT_ONCE).for_each(|number| raise(OrderCancelled::of(number)));
            Ok::<_, BoxError>(())
        });
        filling.await?;
    }
    let began = Instant::now();
    database.execute("INSERT INTO plain_log SELECT * FROM ensue_outbox").await?;
    let copied = began.elapsed();
    let began = Instant::now();
    let moving = tokio::time::timeout(PATIENCE, idle.barrier()).await??;
    if moving != Position::new(ROWS.into()) {
        return Err(format!("the log goes to {moving}").into());
    }
    Ok((began.elapsed(), copied))
}
