//! What several lanes gain where handlers wait for others.

use std::sync::Arc;
use std::time::Duration;

use ensue::{BoxError, State};

use crate::arm::Arm;
use crate::comparison::{Comparison, Contestant};
use crate::countdown::Countdown;
use crate::order_cancelled::OrderCancelled;
use crate::scenario::Scenario;
use crate::sqlite::database::{Database, SqliteBacklog};
use crate::sqlite::durability::Durability;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "lanes_beside_one",
    question: "what does a backlog take to drain on several lanes to a handler that waits 5 ms for \
               somebody else, beside one lane?",
    measure: || Box::pin(measure()),
};

const ENTRIES: u32 = 200;
const LANES: [usize; 2] = [4, 16];
const ROUNDS: u32 = 9;
const ANSWER_TAKES: Duration = Duration::from_millis(5);

async fn measure() -> Result<(), BoxError> {
    let comparison = Comparison {
        name: format!("{ENTRIES} entries of as many keys, {}", Durability::Off),
        operation: "entry",
        per_round: ENTRIES,
        rounds: ROUNDS,
    };
    let mut contestants = Vec::new();
    for lanes in LANES {
        contestants.push(Contestant::new(format!("{lanes} lanes"), Draining::new(lanes).await?));
    }
    comparison.run(Draining::new(1).await?, contestants).await
}

struct Draining {
    backlog: SqliteBacklog,
    lanes: usize,
}

impl Draining {
    async fn new(lanes: usize) -> Result<Self, BoxError> {
        Ok(Self {
            backlog: Database::new(Durability::Off).await?.backlog(0..ENTRIES).await?,
            lanes,
        })
    }
}

impl Arm for Draining {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let (countdown, lanes) = (Countdown::from(ENTRIES), self.lanes);
        let describe =
            |subscription: ensue::SubscriptionBuilder<_>| subscription.on(wait).lanes(lanes);
        self.backlog.drain(&countdown, describe).await
    }
}

async fn wait(_: &OrderCancelled, State(countdown): State<Arc<Countdown>>) {
    tokio::time::sleep(ANSWER_TAKES).await;
    countdown.step();
}
