//! What a process asks of the database while nothing happens.

use std::time::Duration;

use ensue::BoxError;
use ensue_postgres::Events;

use crate::countdown::Countdown;
use crate::draining::count_one;
use crate::postgres::commits::Commits;
use crate::postgres::database::Database;
use crate::scenario::Scenario;
use crate::terminal;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "an_idle_process",
    question: "how many transactions a second does a process with a sequencer, a listener and a \
               subscription cost PostgreSQL while nothing happens?",
    measure: || Box::pin(measure()),
};

/// Until the pauses between two looks are as long as they get, and what it did before is counted: a
/// server counts what an idle session has done after 10 seconds at the latest.
const SETTLES: Duration = Duration::from_secs(15);

/// Three renewals of a lease.
const LASTS: Duration = Duration::from_secs(30);

const TARGET: f64 = 2.0;

async fn measure() -> Result<(), BoxError> {
    let database = Database::new(Commits::AsTheDiskIs).await?;
    let builder = Events::builder(database.store().await?).state(Countdown::from(0));
    let events = builder.subscribe("follows", count_one).build().await?;
    let forwarder = events.forward();
    tokio::time::sleep(SETTLES).await;
    let before: i64 = database.observe(TRANSACTIONS).await?;
    tokio::time::sleep(LASTS).await;
    let number = database.observe::<i64>(TRANSACTIONS).await? - before;
    #[expect(clippy::cast_precision_loss, reason = "it is a small number")]
    let rate = number as f64 / LASTS.as_secs_f64();
    terminal::say(&format_args!("  {rate:.2} transactions a second, target <= {TARGET:.2}"));
    forwarder.shutdown(Duration::from_secs(30)).await;
    Ok(())
}

const TRANSACTIONS: &str =
    "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = $1";
