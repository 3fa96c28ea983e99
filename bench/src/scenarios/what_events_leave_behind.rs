//! What the database writes and keeps.

use std::time::{Duration, Instant};

use ensue::BoxError;

use crate::arm::Arm;
use crate::postgres::appending::{AllIn, Plain};
use crate::postgres::commits::Commits;
use crate::postgres::database::Database;
use crate::postgres::writers::Load;
use crate::scenario::Scenario;
use crate::terminal;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "what_events_leave_behind",
    question: "how much of PostgreSQL's WAL does an event take, beside a plain insert, and what is \
               in the outbox after 20 seconds on 16 connections?",
    measure: || Box::pin(measure()),
};

const EVENTS: [u32; 2] = [1, 10];
const LASTS: Duration = Duration::from_secs(20);

async fn measure() -> Result<(), BoxError> {
    for events in EVENTS {
        let load = Load { connections: 16, events, transactions: 3_200 };
        let mut plain = Plain::new(Commits::AsTheDiskIs, load).await?;
        let by_hand = wal_bytes(&mut plain, Plain::database, load).await?;
        let mut ours = AllIn::new(Commits::AsTheDiskIs, load).await?;
        let ensue = wal_bytes(&mut ours, AllIn::database, load).await?;
        terminal::say(&format_args!(
            "  {events} events a transaction: {ensue:.0} bytes of WAL for each, {:.2} x the \
             {by_hand:.0} of a plain insert",
            ensue / by_hand
        ));
    }
    leave_behind().await
}

/// For each event, of a round that comes after one that warms up and after a checkpoint, so that no
/// page is written whole for the first time.
async fn wal_bytes<A: Arm>(
    arm: &mut A,
    database: fn(&A) -> &Database,
    load: Load,
) -> Result<f64, BoxError> {
    database(arm).execute("CHECKPOINT").await?;
    arm.round().await?;
    let before = wal(database(arm)).await?;
    arm.round().await?;
    let written = wal(database(arm)).await? - before;
    Ok(written / f64::from(load.transactions * load.events))
}

async fn wal(database: &Database) -> Result<f64, BoxError> {
    database.ask("SELECT (pg_current_wal_lsn() - '0/0')::float8").await
}

async fn leave_behind() -> Result<(), BoxError> {
    let load = Load { connections: 16, events: 1, transactions: 1_600 };
    let mut ours = AllIn::new(Commits::AsTheDiskIs, load).await?;
    let (began, mut transactions) = (Instant::now(), 0);
    while began.elapsed() < LASTS {
        ours.round().await?;
        transactions += load.transactions;
    }
    let rate = f64::from(transactions) / began.elapsed().as_secs_f64();
    terminal::say(&format_args!("  {transactions} transactions, {rate:.0} a second"));
    for table in ["ensue.outbox", "ensue.log", "ensue.cursor", "ensue.lease"] {
        terminal::say(&format_args!("    {table}: {}", ours.database().size_of(table).await?));
    }
    Ok(())
}
