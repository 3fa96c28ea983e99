//! Hearing of other processes.

use std::time::Duration;

use ensue::{Log, Position};
use ensue_postgres::PostgresStore;

use crate::server::{Database, PATIENCE, append, envelopes, until};

const LISTENERS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%'";

/// One that neither moves anything nor looks by itself, so that only what it hears wakes it.
async fn only_listening(database: &Database) -> PostgresStore {
    let options = database.store_options().sequence_on_demand();
    let store = options.longest_poll(Duration::from_secs(3_600)).connect().await.unwrap();
    until(async || database.ask::<i64>(LISTENERS).await >= 1).await;
    store
}

/// Waits for the head without ever looking at it for no reason.
async fn follow(store: &PostgresStore, head: u64) {
    let following = async {
        while store.head().await.unwrap() < Position::new(head) {
            store.changed_elsewhere().await;
        }
    };
    tokio::time::timeout(PATIENCE, following).await.expect("nobody told of it");
}

#[tokio::test]
async fn what_another_process_commits_is_heard_of() {
    let database = Database::new().await;
    let (store, other) = (only_listening(&database).await, database.store().await);
    for head in 1..=5 {
        append(&other, &envelopes([0])).await;
        follow(&store, head).await;
    }
}

#[tokio::test]
async fn a_connection_that_listened_and_was_killed_is_made_anew() {
    let database = Database::new().await;
    let (store, other) = (only_listening(&database).await, database.store().await);
    append(&other, &envelopes([0])).await;
    follow(&store, 1).await;
    let kill = LISTENERS.replace("count(*)", "pg_terminate_backend(pid)");
    database.execute(kill).await;
    append(&other, &envelopes([1])).await;
    follow(&store, 2).await;
    until(async || database.ask::<i64>(LISTENERS).await >= 2).await;
    append(&other, &envelopes([2])).await;
    follow(&store, 3).await;
}

#[tokio::test]
async fn without_listening_it_is_found_by_polling() {
    let database = Database::new().await;
    let store = database.store_options().without_listening().connect().await.unwrap();
    let other = database.store_options().without_listening().connect().await.unwrap();
    for head in 1..=3 {
        append(&other, &envelopes([0])).await;
        follow(&store, head).await;
    }
    assert_eq!(database.ask::<i64>(LISTENERS).await, 0);
}

#[tokio::test]
async fn a_commit_of_its_own_wakes_a_store_that_looks_at_nothing() {
    let database = Database::new().await;
    let store = database.store_options().longest_poll(Duration::from_secs(3_600));
    let store = store.without_listening().connect().await.unwrap();
    for head in 1..=5 {
        append(&store, &envelopes([0])).await;
        follow(&store, head).await;
    }
}

/// Each handle by itself.
#[tokio::test]
async fn everybody_who_waits_is_woken() {
    let database = Database::new().await;
    let (store, other) = (database.store().await, database.store().await);
    let (one, two) = (store.clone(), store.clone());
    append(&other, &envelopes([0])).await;
    tokio::join!(follow(&one, 1), follow(&two, 1), follow(&store, 1));
}
