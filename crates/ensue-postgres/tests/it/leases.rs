//! Leases while everything else is busy.

use std::time::Duration;

use ensue::subscription::{Start, TakeOver, Term};
use ensue::{Subscriptions, Transactions};
use ensue_postgres::PostgresStore as Store;
use tokio::task::JoinSet;

use crate::server::{Database, append, envelopes, until};

/// A lease that does not end while a test runs.
const LEASE: Duration = Duration::from_secs(600);

/// Far more than the connections of any kind.
const MANY: usize = 100;

async fn take_over(store: &Store, subscription: &str) -> Term {
    store.register(subscription, Start::Beginning, &[]).await.unwrap();
    match store.take_over(subscription, "here", LEASE).await.unwrap() {
        TakeOver::Granted(term) => term,
        held @ TakeOver::Held { .. } => panic!("{held:?}"),
    }
}

/// The requests wait for a table that leases do not use.
#[tokio::test]
async fn leases_are_kept_and_taken_and_the_log_grows_while_every_connection_for_reading_is_busy() {
    let database = Database::new().await;
    let store = database.store().await;
    let term = take_over(&store, "refunds").await;
    let mut session = database.connect().await;
    let lock = "BEGIN; LOCK TABLE ensue.request IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut session).await.unwrap();
    let mut readers = JoinSet::new();
    for _ in 0..MANY {
        let store = store.clone();
        readers.spawn(async move { store.pending_requests().await });
    }
    until(async || waiting(&database).await >= 4).await;
    assert!(store.renew("refunds", term.epoch, LEASE).await.unwrap());
    take_over(&store, "deliveries").await;
    assert_eq!(store.claims().await.unwrap().len(), 2);
    append(&store, &envelopes([0])).await;
    until(async || database.ask::<i64>("SELECT count(*) FROM ensue.log").await == 1).await;
    assert!(readers.try_join_next().is_none());
    sqlx::raw_sql("ROLLBACK").execute(&mut session).await.unwrap();
    while let Some(read) = readers.join_next().await {
        read.unwrap().unwrap();
    }
}

/// Their owners have passed the fence and are stuck.
#[tokio::test]
async fn leases_are_kept_while_every_take_over_waits() {
    let database = Database::new().await;
    let (store, other) = (database.store().await, database.store().await);
    let term = take_over(&store, "healthy").await;
    let mut stuck = Vec::new();
    let mut thieves = JoinSet::new();
    for number in 0..6 {
        let subscription = format!("stuck {number}");
        let epoch = take_over(&other, &subscription).await.epoch;
        let mut open = other.begin().await.unwrap();
        other.record(&mut open, &subscription, epoch, &[]).await.unwrap();
        stuck.push(open);
        other.release(&subscription, epoch).await.unwrap();
        let store = store.clone();
        thieves.spawn(async move { store.take_over(&subscription, "thief", LEASE).await });
    }
    until(async || waiting(&database).await >= 4).await;
    assert!(store.renew("healthy", term.epoch, LEASE).await.unwrap());
    assert_eq!(store.claims().await.unwrap().len(), 1);
    assert!(thieves.try_join_next().is_none());
    drop(stuck);
    while let Some(robbed) = thieves.join_next().await {
        assert!(matches!(robbed.unwrap().unwrap(), TakeOver::Granted(_)));
    }
}

/// Returns the number of sessions that wait for a lock.
async fn waiting(database: &Database) -> i64 {
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    database.ask(waiting).await
}
