//! What the forwarder adds to the commits that it makes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ensue::{BoxError, Start, State, raise};
use ensue_sqlite::{Events, SqliteStore, Tx};
use sqlx::SqlitePool;
use tokio::sync::Notify;

use crate::arm::Arm;
use crate::comparison::{Comparison, Contestant};
use crate::database::Database;
use crate::durability::Durability;
use crate::order_cancelled::OrderCancelled;
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "drain_to_a_transactional_handler",
    question: "what does a backlog take to drain to a handler that does nothing, beside a loop \
               that only moves a cursor by a commit for each entry?",
    measure: || Box::pin(measure()),
};

const BACKLOG: u32 = 1_000;
const ROUNDS: u32 = 61;

/// LIMIT: how long a round may take; only one that hangs gets there.
const PATIENCE: Duration = Duration::from_secs(60);

async fn measure() -> Result<(), BoxError> {
    for durability in Durability::BOTH {
        let backlog = durability.commits(BACKLOG);
        let comparison = Comparison {
            name: format!("{backlog} entries, {durability}"),
            operation: "entry",
            per_round: backlog,
            rounds: ROUNDS,
        };
        let ours = Contestant::new("ensue", Forwarding::new(durability, backlog).await?);
        comparison.run(ByHand::new(durability, backlog).await?, vec![ours]).await?;
    }
    Ok(())
}

struct Forwarding {
    store: SqliteStore,
    backlog: u32,
    rounds: u32,
    _database: Database,
}

impl Forwarding {
    async fn new(durability: Durability, backlog: u32) -> Result<Self, BoxError> {
        let database = Database::new(durability).await?;
        let store = database.store().await?;
        let events = Events::builder(store.clone()).build().await?;
        let raise_all = async |_tx: &mut _| {
            (0..backlog).for_each(|number| raise(OrderCancelled::of(number)));
            Ok::<_, BoxError>(())
        };
        events.run(raise_all).await?;
        Ok(Self { store, backlog, rounds: 0, _database: database })
    }

    /// Each round is a subscription that has everything before it.
    async fn subscription(&mut self, countdown: &Arc<Countdown>) -> Result<Events, BoxError> {
        self.rounds += 1;
        let events = Events::builder(self.store.clone())
            .state(Arc::clone(countdown))
            .subscription(&format!("round-{}", self.rounds), |subscription| {
                subscription.on(count_down).from(Start::Beginning)
            })
            .build()
            .await?;
        Ok(events)
    }
}

impl Arm for Forwarding {
    /// Until the last handler is called: of all the commits only its own is not counted, and the
    /// forwarder's start is.
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let countdown = Arc::new(Countdown::from(self.backlog));
        let events = self.subscription(&countdown).await?;
        let began = Instant::now();
        let forwarder = events.forward();
        tokio::time::timeout(PATIENCE, countdown.ended.notified()).await?;
        let elapsed = began.elapsed();
        if forwarder.shutdown(PATIENCE).await { Ok(elapsed) } else { Err("it did not end".into()) }
    }
}

/// Does nothing to the database.
async fn count_down(_: &OrderCancelled, State(countdown): State<Arc<Countdown>>, _: &mut Tx) {
    countdown.step();
}

/// Tells when the last entry is there, without asking again and again.
struct Countdown {
    left: AtomicU32,
    ended: Notify,
}

impl Countdown {
    fn from(entries: u32) -> Self {
        Self { left: AtomicU32::new(entries), ended: Notify::new() }
    }

    fn step(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.ended.notify_one();
        }
    }
}

struct ByHand {
    writer: SqlitePool,
    backlog: u32,
    _database: Database,
}

impl ByHand {
    async fn new(durability: Durability, backlog: u32) -> Result<Self, BoxError> {
        let database = Database::new(durability).await?;
        let writer = database.writer_by_hand().await?;
        sqlx::query(
            "INSERT INTO ensue_cursor (subscription, position, moved_at_us) VALUES (?, 0, 0)",
        )
        .bind(SUBSCRIPTION)
        .execute(&writer)
        .await?;
        Ok(Self { writer, backlog, _database: database })
    }
}

impl Arm for ByHand {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let began = Instant::now();
        for position in 1..=self.backlog {
            let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
            sqlx::query("UPDATE ensue_cursor SET position = ? WHERE subscription = ?")
                .bind(position)
                .bind(SUBSCRIPTION)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
        }
        Ok(began.elapsed())
    }
}

const SUBSCRIPTION: &str = "by hand";
