//! Handlers of subscriptions that lose their connection to the server on every call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ensue::subscription::{FailureClass, SetAsideState};
use ensue::{BoxError, Event, RetryPolicy, State, raise};
use ensue_mysql::{Events, Tx};
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

use crate::server::{Database, PATIENCE, until};

#[derive(Debug, Event, Serialize, Deserialize)]
#[event(type = "order.placed", key = number)]
struct OrderPlaced {
    number: i64,
}

/// The number of calls of a handler for an order that costs its connection.
type Calls = Arc<AtomicU32>;

/// The statements of two orders cost the connection, and the handler ignores their errors.
async fn bill(
    event: &OrderPlaced,
    State(calls): State<Calls>,
    tx: &mut Tx,
) -> Result<(), BoxError> {
    let end = match event.number {
        // More than the server accepts in one message.
        7 => {
            let limit: i64 = sqlx::query_scalar("SELECT CAST(@@max_allowed_packet AS SIGNED)")
                .fetch_one(&mut **tx)
                .await?;
            format!("SELECT LENGTH('{}')", "x".repeat(usize::try_from(limit)?))
        }
        11 => "KILL CONNECTION_ID()".to_owned(),
        number => {
            let insert = sqlx::query("INSERT INTO bill VALUES (?)").bind(number);
            insert.execute(&mut **tx).await?;
            return Ok(());
        }
    };
    calls.fetch_add(1, Ordering::SeqCst);
    assert!(sqlx::raw_sql(AssertSqlSafe(end)).execute(&mut **tx).await.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_costs_the_connection_each_time_is_parked_and_others_go_on() {
    for lanes in [1, 4] {
        let (database, calls) = (Database::new().await, Calls::default());
        database.execute("CREATE TABLE bill (number bigint PRIMARY KEY)").await;
        let retry = RetryPolicy::default().attempts(3);
        let retry = retry.backoff(Duration::from_millis(1), Duration::from_millis(20));
        let builder = Events::builder(database.store().await).state(Arc::clone(&calls));
        let builder = builder.subscription("bills", |s| s.on(bill).retry(retry).lanes(lanes));
        let events = builder.build().await.unwrap();
        let place = events.run(async |_tx| {
            (1..=20).for_each(|number| raise(OrderPlaced { number }));
            Ok::<_, BoxError>(())
        });
        place.await.unwrap();
        let forwarder = events.forward();
        until(async || {
            let status = events.status("bills").await.unwrap();
            let parked = status.set_aside.iter().filter(|it| it.state == SetAsideState::Parked);
            let bills = "SELECT count(*) FROM bill";
            parked.count() == 2 && database.ask::<i64>(bills).await == 18
        })
        .await;
        assert!(forwarder.shutdown(PATIENCE).await);
        let set_aside = events.status("bills").await.unwrap().set_aside;
        let became: Vec<_> = set_aside
            .iter()
            .map(|it| (it.position.get(), it.attempts, it.failure.as_ref().unwrap().class))
            .collect();
        let commit = FailureClass::Commit;
        assert_eq!(became, [(7, 3, commit), (11, 3, commit)], "{set_aside:?}");
        assert_eq!(calls.load(Ordering::SeqCst), 6);
    }
}
