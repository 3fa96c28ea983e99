//! How soon it ensues.

use ensue::BoxError;
use ensue_sqlite::SqliteStore;

use crate::promptness::{Promptness, start_inside, start_outside};
use crate::scenario::Scenario;
use crate::sqlite::cancellation::ByHandOnAConnection;
use crate::sqlite::database::Database;
use crate::sqlite::durability::Durability;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "commit_to_handler",
    question: "how long after a commit does the durable handler start, at 500 commits a second, \
               beside a transaction by hand between two of them?",
    measure: || Box::pin(measure()),
};

async fn measure() -> Result<(), BoxError> {
    for durability in Durability::BOTH {
        let database = Database::new(durability).await?;
        let by_hand = ByHandOnAConnection::new(durability, 1).await?;
        let outside = Promptness::of(database.store().await?, by_hand, |s| s.on(start_outside));
        let name = format!("a handler that calls the outside, {durability}");
        outside.await?.measure(&name).await?;
        let database = Database::new(durability).await?;
        let by_hand = ByHandOnAConnection::new(durability, 1).await?;
        let describe = |s: ensue::SubscriptionBuilder<_>| s.on(start_inside::<SqliteStore>);
        let inside = Promptness::of(database.store().await?, by_hand, describe);
        inside.await?.measure(&format!("a handler with a transaction, {durability}")).await?;
    }
    Ok(())
}
