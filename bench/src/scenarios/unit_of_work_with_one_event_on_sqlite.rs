//! What a whole unit of work costs on the embedded store.

use ensue::BoxError;

use crate::comparison::{Comparison, Contestant};
use crate::flavour::Flavour;
use crate::scenario::Scenario;
use crate::sqlite::cancellation::{ByEnsue, ByHandOnAConnection, ByHandOnAPool};
use crate::sqlite::durability::Durability;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "unit_of_work_with_one_event_on_sqlite",
    question: "what does a unit of work that updates a row, raises an event and has a handler \
               insert a row take, beside the same statements by hand on sqlx's pool?",
    measure: || Box::pin(measure()),
};

const COMMITS: u32 = 25;
const ROUNDS: u32 = 251;
const TARGET: f64 = 1.03;

async fn measure() -> Result<(), BoxError> {
    for durability in Durability::BOTH {
        for flavour in Flavour::BOTH {
            flavour.run(move || compare(durability, flavour)).await?;
        }
    }
    Ok(())
}

async fn compare(durability: Durability, flavour: Flavour) -> Result<(), BoxError> {
    let commits = durability.commits(COMMITS);
    let comparison = Comparison {
        name: format!("{durability}, {flavour}"),
        operation: "unit of work",
        per_round: commits,
        rounds: ROUNDS,
    };
    let ours = ByEnsue::new(durability, commits).await?;
    let on_a_connection = ByHandOnAConnection::new(durability, commits).await?;
    let contestants = vec![
        Contestant::new("ensue", ours).with_target(TARGET),
        Contestant::new("by hand, on a connection of its own", on_a_connection),
    ];
    comparison.run(ByHandOnAPool::new(durability, commits).await?, contestants).await
}
