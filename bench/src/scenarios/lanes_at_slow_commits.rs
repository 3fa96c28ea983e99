//! What several lanes gain where commits wait for the disk.

use ensue::BoxError;

use crate::comparison::{Comparison, Contestant};
use crate::draining::Handling;
use crate::postgres::commits::Commits;
use crate::postgres::drain;
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "lanes_at_slow_commits",
    question: "what does a backlog on PostgreSQL take to drain on 16 lanes with a commit for each \
               entry, beside one lane, where a commit waits a millisecond longer for the disk?",
    measure: || Box::pin(measure()),
};

const ENTRIES: u32 = 800;
const LANES: usize = 16;
const ROUNDS: u32 = 7;

/// At least eight times as fast.
const TARGET: f64 = 1.0 / 8.0;

async fn measure() -> Result<(), BoxError> {
    for commits in Commits::BOTH {
        let comparison = Comparison {
            name: format!("{ENTRIES} entries of as many keys, {commits}"),
            operation: "entry",
            per_round: ENTRIES,
            rounds: ROUNDS,
        };
        let [one, many] = [1, LANES].map(|lanes| Handling::OneByOne { lanes });
        let many =
            Contestant::new(format!("{LANES} lanes"), drain::of(commits, ENTRIES, many).await?);
        let many = match commits {
            Commits::AsTheDiskIs => many,
            Commits::SlowerBy1Ms => many.with_target(TARGET),
        };
        comparison.run(drain::of(commits, ENTRIES, one).await?, vec![many]).await?;
    }
    Ok(())
}
