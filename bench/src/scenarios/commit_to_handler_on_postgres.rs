//! How soon it ensues, whatever else is open.

use ensue::{BoxError, SubscriptionBuilder};
use ensue_postgres::PostgresStore;
use sqlx::PgConnection;

use crate::postgres::appending::Plain;
use crate::postgres::commits::Commits;
use crate::postgres::database::Database;
use crate::postgres::writers::Load;
use crate::promptness::{Promptness, start_inside, start_outside};
use crate::scenario::Scenario;

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "commit_to_handler_on_postgres",
    question: "how long after a commit does the durable handler start, at 500 commits a second, \
               alone and while others' transactions stay open, beside a transaction by hand \
               between two of them?",
    measure: || Box::pin(measure()),
};

async fn measure() -> Result<(), BoxError> {
    let outside = |s: SubscriptionBuilder<_>| s.on(start_outside);
    let inside = |s: SubscriptionBuilder<_>| s.on(start_inside::<PostgresStore>);
    for others in [Others::None, Others::StayOpen] {
        let calls = format!("a handler that calls the outside, {}", others.describe());
        beside(others, &calls, outside).await?;
        let joins = format!("a handler with a transaction, {}", others.describe());
        beside(others, &joins, inside).await?;
    }
    Ok(())
}

async fn beside(
    others: Others,
    name: &str,
    describe: impl FnOnce(SubscriptionBuilder<PostgresStore>) -> SubscriptionBuilder<PostgresStore>,
) -> Result<(), BoxError> {
    let one = Load { connections: 1, events: 1, transactions: 1 };
    let by_hand = Plain::new(Commits::AsTheDiskIs, one).await?;
    let database = Database::new(Commits::AsTheDiskIs).await?;
    let elsewhere = Database::new(Commits::AsTheDiskIs).await?;
    let open = others.begin(&database, &elsewhere).await?;
    let measuring = Promptness::of(database.store().await?, by_hand, describe);
    measuring.await?.measure(name).await?;
    drop(open);
    Ok(())
}

/// Transactions that have nothing to do with ours.
#[derive(Clone, Copy)]
enum Others {
    None,
    StayOpen,
}

impl Others {
    fn describe(self) -> &'static str {
        match self {
            Self::None => "alone",
            Self::StayOpen => "one that has appended and one in another database stay open",
        }
    }

    /// They are open for as long as their connections are.
    async fn begin(
        self,
        database: &Database,
        elsewhere: &Database,
    ) -> Result<Vec<PgConnection>, BoxError> {
        match self {
            Self::None => Ok(Vec::new()),
            Self::StayOpen => {
                let appender = begin(database, APPEND).await?;
                Ok(vec![appender, begin(elsewhere, UPDATE).await?])
            }
        }
    }
}

async fn begin(database: &Database, statement: &'static str) -> Result<PgConnection, BoxError> {
    let mut connection = database.connect().await?;
    sqlx::raw_sql("BEGIN").execute(&mut connection).await?;
    sqlx::raw_sql(statement).execute(&mut connection).await?;
    Ok(connection)
}

const APPEND: &str = "
INSERT INTO ensue.outbox (occurred_at_us, event_id, type, key, payload, correlation_id)
VALUES (0, gen_random_uuid(), 'order.cancelled', 'A-0', '{\"order_no\":\"A-0\",\"amount\":900}', '0')";

const UPDATE: &str = "UPDATE purchase SET state = 'held' WHERE no = 1";
