//! What appending costs beside a plain insert and beside a counter, by number of connections.

use ensue::BoxError;

use crate::comparison::{Comparison, Contestant};
use crate::mysql::appending::{AllIn, Alone, Plain, Sequenced};
use crate::mysql::writers::Numbers;
use crate::postgres::writers::Load;
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "append_in_the_users_transaction_on_mysql",
    question: "what do transactions that update a row and store an event take on so many \
               connections, beside the same with a plain insert by hand, and with a row that counts?",
    measure: || Box::pin(measure()),
};

const CONNECTIONS: [u32; 3] = [1, 4, 16];
const ROUNDS: u32 = 7;

/// At least 0.85 of the hand's throughput.
const TARGET: f64 = 1.0 / 0.85;

async fn measure() -> Result<(), BoxError> {
    for connections in CONNECTIONS {
        let transactions = connections * if connections > 4 { 80 } else { 240 };
        let load = Load { connections, events: 1, transactions };
        let comparison = Comparison {
            name: format!("{connections} connections"),
            operation: "transaction",
            per_round: transactions,
            rounds: ROUNDS,
        };
        let contestants = vec![
            Contestant::new(
                "by hand, numbered by a row",
                Plain::new(load, Numbers::Counter).await?,
            ),
            Contestant::new("ensue, the writers alone", Alone::new(load).await?)
                .with_target(TARGET),
            Contestant::new("ensue, sequencer", Sequenced::new(load).await?).with_target(TARGET),
            Contestant::new("ensue, sequencer, subscription", AllIn::new(load).await?)
                .with_target(TARGET),
        ];
        let plain = Plain::new(load, Numbers::AutoIncrement).await?;
        comparison.run(plain, contestants).await?;
    }
    Ok(())
}
