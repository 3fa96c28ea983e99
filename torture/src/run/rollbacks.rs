//! Appends in a row of which nothing is left.

use ensue::{BoxError, Store};

use crate::evidence::Witness;
use crate::history::TransactionId;
use crate::mark::{Key, Mark};
use crate::report::Report;
use crate::writer::envelopes;

/// LIMIT: how many; those who look for gaps by their size gave up far below.
const ROLLBACKS_MAX: u64 = 12_000;

/// Of all events the part that it may be.
const PART: u64 = 20;

/// How many, in a run of so many events.
pub(super) fn times(events: u64) -> u32 {
    u32::try_from((events / PART).min(ROLLBACKS_MAX)).unwrap_or_default()
}

/// Appends and rolls back, so many `times`: a hole, for whoever gives numbers at the append.
pub(super) async fn roll_back<S: Store>(
    store: &S,
    times: u32,
    witness: &Witness,
) -> Result<(), BoxError> {
    for number in 0..times {
        let id = TransactionId::new(u16::MAX, number);
        let doomed = Mark::first(id, Key::of_writer(u16::MAX), number).doomed();
        let mut transaction = store.begin().await?;
        store.append(&mut transaction, &envelopes(doomed, 1)?).await?;
        store.rollback(transaction).await?;
        witness.evidence().hear(Report::RolledBack { events: 1 });
    }
    Ok(())
}
