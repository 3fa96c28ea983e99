//! Units of work, and what ensues.

use std::time::Duration;

use ensue::subscription::{Change, SetAsideState, TakeOver};
use ensue::{
    BoxError, ErrorKind, Event, Handled, Position, RetryPolicy, Start, Subscriptions, Transactions,
    raise,
};
use ensue_mysql::{Builder, Events, MysqlStore, Tx};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::server::{Database, PATIENCE, until};

#[derive(Event, Serialize, Deserialize)]
#[event(type = "order.placed", key = order_no)]
struct OrderPlaced {
    order_no: String,
    amount: i64,
}

async fn note(event: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
    let insert = sqlx::query("INSERT INTO effect VALUES (?)").bind(&event.order_no);
    insert.execute(&mut **tx).await?;
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
    database.execute("CREATE TABLE effect (name varchar(20) PRIMARY KEY)").await;
    database
}

fn builder(store: MysqlStore, lanes: u32) -> Builder {
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
        database.end_sessions().await;
    }
    place(&raising, 30..40).await;
    // A handler whose statement fails with its connection has failed, and is tried again.
    let ticket = raising.ticket().await.unwrap();
    let waiting = async {
        while ticket.handled_by("notes", PATIENCE).await.unwrap() != Handled::Handled {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("everything is handled in the end");
    assert_eq!(count(&database).await, 40);
    assert!(forwarder.shutdown(Duration::from_secs(30)).await);
}

/// Were its progress recorded all the same, the entry would count as handled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_durable_handler_whose_transaction_is_over_has_no_progress() {
    async fn end_it(event: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
        note(event, tx).await?;
        sqlx::raw_sql("ROLLBACK").execute(&mut **tx).await?;
        Ok(())
    }
    let once = RetryPolicy::default().attempts(1);
    let database = database().await;
    for lanes in [1, 2] {
        let name = format!("on {lanes} lanes");
        let builder = Events::builder(database.store().await);
        let builder = builder.subscription(&name, |s| s.on(end_it).retry(once).lanes(lanes));
        let events = builder.build().await.unwrap();
        let forwarder = events.forward();
        place(&events, 0..1).await;
        let ticket = events.ticket().await.unwrap();
        let handled = ticket.handled_by(&name, PATIENCE).await.unwrap();
        assert_eq!(handled, Handled::SetAside);
        let set_aside = events.status(&name).await.unwrap().set_aside;
        assert_eq!(set_aside[0].state, SetAsideState::Parked);
        let message = &set_aside[0].failure.as_ref().unwrap().message;
        assert!(message.contains("the transaction is over already"), "{message}");
        assert_eq!(count(&database).await, 0);
        assert!(forwarder.shutdown(Duration::from_secs(30)).await);
    }
}

/// All of them share the lock that it wants for itself, and at each moment one of them has it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_ends_a_term_is_not_kept_waiting_by_the_lanes_of_its_owner() {
    let database = database().await;
    let store = database.store_options().connections(16).connect().await.unwrap();
    store.register("notes", Start::Beginning, &[]).await.unwrap();
    let hour = Duration::from_secs(3_600);
    let TakeOver::Granted(term) = store.take_over("notes", "one", hour).await.unwrap() else {
        panic!("nobody else is there")
    };
    let mut lanes = JoinSet::new();
    for lane in 0..16 {
        let (store, epoch) = (store.clone(), term.epoch);
        lanes.spawn(async move {
            for number in 0.. {
                let receipt = Change::Receipt { position: Position::new(lane + 16 * number + 1) };
                let mut transaction = store.begin().await.unwrap();
                let recorded = store.record(&mut transaction, "notes", epoch, &[receipt]).await;
                if let Err(error) = recorded {
                    assert_eq!(error.kind(), ErrorKind::Fenced);
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                store.commit(transaction).await.unwrap();
            }
        });
    }
    until(async || database.ask::<i64>("SELECT count(*) FROM ensue_receipt").await > 32).await;
    let ending = store.register("notes", Start::Beginning, &["order.placed"]);
    tokio::time::timeout(Duration::from_secs(10), ending).await.expect("starved").unwrap();
    lanes.join_all().await;
}
