//! Units of work, and what ensues.

use std::time::Duration;

use ensue::{BoxError, Event, Handled, Start, raise};
use ensue_postgres::{Builder, Events, PostgresStore, Tx};
use serde::{Deserialize, Serialize};

use crate::server::{Database, PATIENCE};

#[derive(Event, Serialize, Deserialize)]
#[event(type = "order.placed", key = order_no)]
struct OrderPlaced {
    order_no: String,
    amount: i64,
}

async fn note(event: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
    let insert = sqlx::query("INSERT INTO effect VALUES ($1)").bind(&event.order_no);
    insert.persistent(false).execute(&mut **tx).await?;
    Ok(())
}

async fn place(events: &Events, numbers: std::ops::Range<i64>) {
    for number in numbers {
        let run = events.run(async |_tx| {
            raise(OrderPlaced { order_no: format!("A-{number:03}"), amount: number });
            Ok::<_, ensue::Error>(())
        });
        run.await.unwrap();
    }
}

async fn database() -> Database {
    let database = Database::new().await;
    database.execute("CREATE TABLE effect (name text PRIMARY KEY)").await;
    database
}

fn builder(store: PostgresStore, lanes: u32) -> Builder {
    Events::builder(store).subscription("notes", |subscription| {
        subscription.on(note).lanes(lanes as _).from(Start::Beginning)
    })
}

async fn count(database: &Database) -> i64 {
    database.ask("SELECT count(*) FROM effect").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_raised_is_handled_once_each_on_one_lane_and_on_many() {
    for lanes in [1, 8] {
        let database = database().await;
        let events = builder(database.store().await, lanes).build().await.unwrap();
        let forwarder = events.forward();
        place(&events, 0..40).await;
        let ticket = events.ticket().await.unwrap();
        let handled = ticket.handled_by("notes", PATIENCE).await.unwrap();
        assert_eq!(handled, Handled::Handled);
        assert_eq!(count(&database).await, 40);
        assert!(forwarder.shutdown(Duration::from_secs(30)).await);
    }
}

/// They share nothing but the database.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_forwards_what_another_one_raises() {
    let database = database().await;
    let raising = Events::builder(database.store().await).build().await.unwrap();
    let handling = builder(database.store().await, 1).build().await.unwrap();
    let forwarder = handling.forward();
    place(&raising, 0..20).await;
    let ticket = raising.ticket().await.unwrap();
    let handled = ticket.handled_by("notes", PATIENCE).await.unwrap();
    assert_eq!((handled, count(&database).await), (Handled::Handled, 20));
    assert!(forwarder.shutdown(Duration::from_secs(30)).await);
}

/// As after a restart of the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forwarder_whose_connections_are_all_killed_goes_on_and_handles_nothing_twice() {
    let database = database().await;
    let raising = Events::builder(database.store().await).build().await.unwrap();
    let handling = builder(database.store().await, 4).build().await.unwrap();
    let forwarder = handling.forward();
    for round in 0..3 {
        place(&raising, round * 10..(round + 1) * 10).await;
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        database.execute(kill).await;
    }
    place(&raising, 30..40).await;
    let ticket = raising.ticket().await.unwrap();
    let handled = ticket.handled_by("notes", PATIENCE).await.unwrap();
    assert_eq!((handled, count(&database).await), (Handled::Handled, 40));
    assert!(forwarder.shutdown(Duration::from_secs(30)).await);
}
