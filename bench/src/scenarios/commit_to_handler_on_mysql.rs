//! How soon it ensues.

use ensue::BoxError;
use ensue_mysql::MysqlStore;

use crate::mysql::appending::Plain;
use crate::mysql::database::Database;
use crate::mysql::writers::Numbers;
use crate::postgres::writers::Load;
use crate::promptness::{Promptness, start_inside, start_outside};
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "commit_to_handler_on_mysql",
    question: "how long after a commit does the durable handler start, at 500 commits a second, \
               beside a transaction by hand between two of them?",
    measure: || Box::pin(measure()),
};

async fn measure() -> Result<(), BoxError> {
    let (database, by_hand) = begin().await?;
    let outside = Promptness::of(database.store().await?, by_hand, |s| s.on(start_outside));
    outside.await?.measure("a handler that calls the outside").await?;
    let (database, by_hand) = begin().await?;
    let store = database.store().await?;
    let inside = Promptness::of(store, by_hand, |s| s.on(start_inside::<MysqlStore>));
    inside.await?.measure("a handler with a transaction").await
}

async fn begin() -> Result<(Database, Plain), BoxError> {
    let one = Load { connections: 1, events: 1, transactions: 1 };
    Ok((Database::new().await?, Plain::new(one, Numbers::AutoIncrement).await?))
}
