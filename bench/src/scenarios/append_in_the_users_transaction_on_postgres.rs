//! What appending costs beside a plain insert, by number of connections and events.

use ensue::BoxError;

use crate::comparison::{Comparison, Contestant};
use crate::postgres::appending::{AllIn, Alone, Plain};
use crate::postgres::commits::Commits;
use crate::postgres::writers::Load;
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "append_in_the_users_transaction_on_postgres",
    question: "what do transactions that update a row and store n events take on so many \
               connections, beside the same with a plain insert by hand?",
    measure: || Box::pin(measure()),
};

const CONNECTIONS: [u32; 4] = [1, 4, 16, 64];
const EVENTS: [u32; 2] = [1, 10];
const ROUNDS: u32 = 9;

/// At least 0.95 of the hand's throughput if nothing else runs.
const TARGET_ALONE: f64 = 1.0 / 0.95;

/// At least 0.80 of it beside everything that makes a log of it, on the same processors,
const TARGET_ALL_IN: f64 = 1.0 / 0.80;

/// and 0.85 where commits take their time.
const TARGET_ALL_IN_SLOWER: f64 = 1.0 / 0.85;

async fn measure() -> Result<(), BoxError> {
    for commits in Commits::BOTH {
        for events in EVENTS {
            for connections in CONNECTIONS {
                let transactions = transactions(connections, events, commits);
                compare(commits, Load { connections, events, transactions }).await?;
            }
        }
    }
    Ok(())
}

/// Rounds of a few tenths of a second, so that what follows the writers gets into its stride.
fn transactions(connections: u32, events: u32, commits: Commits) -> u32 {
    let each = match (connections, commits) {
        (1, Commits::AsTheDiskIs) => 480,
        (1, Commits::SlowerBy1Ms) | (4, _) => 160,
        (16, _) => 80,
        _ => 20,
    };
    connections * each / if events > 1 { 2 } else { 1 }
}

async fn compare(commits: Commits, load: Load) -> Result<(), BoxError> {
    let Load { connections, events, transactions } = load;
    let comparison = Comparison {
        name: format!("{connections} connections, {events} events, {commits}"),
        operation: "transaction",
        per_round: transactions,
        rounds: ROUNDS,
    };
    let all_in = match commits {
        Commits::AsTheDiskIs => TARGET_ALL_IN,
        Commits::SlowerBy1Ms => TARGET_ALL_IN_SLOWER,
    };
    let contestants = vec![
        Contestant::new("ensue, the writers alone", Alone::new(commits, load).await?)
            .with_target(TARGET_ALONE),
        Contestant::new("ensue, sequencer, subscription", AllIn::new(commits, load).await?)
            .with_target(all_in),
    ];
    comparison.run(Plain::new(commits, load).await?, contestants).await
}
