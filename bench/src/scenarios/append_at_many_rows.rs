//! Whether a log that is long makes appending slower.

use ensue::BoxError;

use crate::comparison::{Comparison, Contestant};
use crate::postgres::appending::AllIn;
use crate::postgres::commits::Commits;
use crate::postgres::database::Database;
use crate::postgres::filling;
use crate::postgres::writers::Load;
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "append_at_many_rows",
    question: "what do transactions that append take on PostgreSQL, beside sequencer and \
               subscription, when the log has 10 million entries, beside 10 thousand?",
    measure: || Box::pin(measure()),
};

const FEW: u32 = 10_000;
const MANY: u32 = 10_000_000;
const LOAD: Load = Load { connections: 16, events: 1, transactions: 1_600 };
const ROUNDS: u32 = 21;

/// At least 0.9 of the throughput.
const TARGET: f64 = 1.0 / 0.9;

async fn measure() -> Result<(), BoxError> {
    let comparison = Comparison {
        name: format!("{MANY} entries beside {FEW}, {} connections", LOAD.connections),
        operation: "transaction",
        per_round: LOAD.transactions,
        rounds: ROUNDS,
    };
    let many = Contestant::new(format!("{MANY} entries"), on(MANY).await?).with_target(TARGET);
    comparison.run(on(FEW).await?, vec![many]).await
}

/// Vacuumed, as a log is that has had the time to grow so long.
async fn on(rows: u32) -> Result<AllIn, BoxError> {
    let database = Database::new(Commits::AsTheDiskIs).await?;
    filling::fill_log(&database, rows).await?;
    database.execute("VACUUM ANALYZE ensue.log").await?;
    database.execute("CHECKPOINT").await?;
    AllIn::on(database, LOAD).await
}
