//! Handlers of subscriptions that lose their connection to the server on every call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ensue::subscription::{FailureClass, SetAsideState, SubscriptionBuilder};
use ensue::{BoxError, Event, RetryPolicy, State, raise};
use ensue_postgres::{Events, PostgresStore, Tx};
use serde::{Deserialize, Serialize};

use crate::server::{Database, PATIENCE, until};

#[derive(Debug, Event, Serialize, Deserialize)]
#[event(type = "order.placed", key = number)]
struct OrderPlaced {
    number: i64,
}

#[derive(Event, Serialize, Deserialize)]
#[event(type = "order.billed", local)]
struct OrderBilled {
    number: i64,
}

/// The number of calls of the handler for the order that costs its connection.
type Calls = Arc<AtomicU32>;

/// The order that costs its connection.
const POISONED: i64 = 7;

const ORDERS: i64 = 20;

/// A trigger may make the server end the session at its commit.
const TABLES: &str = "CREATE TABLE bill (number bigint PRIMARY KEY);
    CREATE FUNCTION end_session() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER end_session AFTER INSERT ON bill DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.number = -7) EXECUTE FUNCTION end_session()";

async fn bill(number: i64, tx: &mut Tx) -> Result<(), BoxError> {
    let insert = sqlx::query("INSERT INTO bill (number) VALUES ($1)").bind(number);
    insert.persistent(false).execute(&mut **tx).await?;
    Ok(())
}

/// Ends the session, as a statement that exhausts the server's memory may; ignores the error.
async fn end_session(tx: &mut Tx) {
    let end = sqlx::query("SELECT pg_terminate_backend(pg_backend_pid())");
    assert!(end.execute(&mut **tx).await.is_err());
}

fn count(calls: &Calls, number: i64) {
    calls.fetch_add(u32::from(number == POISONED), Ordering::SeqCst);
}

async fn before_the_commit(
    event: &OrderPlaced,
    State(calls): State<Calls>,
    tx: &mut Tx,
) -> Result<(), BoxError> {
    count(&calls, event.number);
    match event.number {
        POISONED => {
            end_session(tx).await;
            Ok(())
        }
        number => bill(number, tx).await,
    }
}

async fn at_the_commit(
    event: &OrderPlaced,
    State(calls): State<Calls>,
    tx: &mut Tx,
) -> Result<(), BoxError> {
    count(&calls, event.number);
    bill(if event.number == POISONED { -POISONED } else { event.number }, tx).await
}

async fn after_a_call(event: &OrderPlaced, State(calls): State<Calls>) {
    count(&calls, event.number);
    raise(OrderBilled { number: event.number });
}

/// Handles the event that follows from the call.
async fn billed(event: &OrderBilled, tx: &mut Tx) -> Result<(), BoxError> {
    match event.number {
        POISONED => {
            end_session(tx).await;
            Ok(())
        }
        number => bill(number, tx).await,
    }
}

type Described = fn(SubscriptionBuilder<PostgresStore>) -> SubscriptionBuilder<PostgresStore>;

/// Asserts that the entry is parked after its three attempts, with the connection loss as the reason, and
/// that all others are handled. Returns the number of calls.
async fn parks_it_alone(describe: Described, lanes: usize) -> u32 {
    let (database, calls) = (Database::new().await, Calls::default());
    database.execute(TABLES).await;
    let retry = RetryPolicy::default().attempts(3);
    let retry = retry.backoff(Duration::from_millis(1), Duration::from_millis(20));
    let builder = Events::builder(database.store().await).state(Arc::clone(&calls)).on(billed);
    let builder = builder.subscription("bills", |s| describe(s).retry(retry).lanes(lanes));
    let events = builder.build().await.unwrap();
    let place = events.run(async |_tx| {
        (1..=ORDERS).for_each(|number| raise(OrderPlaced { number }));
        Ok::<_, BoxError>(())
    });
    place.await.unwrap();
    let forwarder = events.forward();
    until(async || {
        let status = events.status("bills").await.unwrap();
        let is_parked = status.set_aside.iter().any(|it| it.state == SetAsideState::Parked);
        let billed = "SELECT count(*) FROM bill";
        is_parked && database.ask::<i64>(billed).await == ORDERS - 1
    })
    .await;
    assert!(forwarder.shutdown(PATIENCE).await);
    let mut set_aside = events.status("bills").await.unwrap().set_aside;
    let (parked, others) = (set_aside.remove(0), set_aside);
    assert!(others.is_empty(), "{others:?}");
    let failure = parked.failure.unwrap();
    assert_eq!((parked.attempts, failure.class), (3, FailureClass::Commit), "{failure:?}");
    calls.load(Ordering::SeqCst)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_costs_the_connection_before_its_commit_is_parked_and_others_go_on() {
    for lanes in [1, 4] {
        assert_eq!(parks_it_alone(|s| s.on(before_the_commit), lanes).await, 3);
    }
}

/// The next term finds out whether it was committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_costs_the_connection_at_its_commit_is_parked_and_others_go_on() {
    for lanes in [1, 4] {
        assert_eq!(parks_it_alone(|s| s.on(at_the_commit), lanes).await, 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_the_outside_after_which_the_connection_is_lost_is_not_made_again_and_again() {
    for lanes in [1, 4] {
        assert_eq!(parks_it_alone(|s| s.on(after_a_call), lanes).await, 3);
    }
}
