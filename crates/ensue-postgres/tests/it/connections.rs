//! Connections, and who waits for one.

use ensue::{Log, Transactions};
use tokio::task::JoinSet;

use crate::server::{Database, append, envelopes, until};

#[tokio::test]
async fn units_of_work_wait_their_turn_and_what_is_ours_does_not_wait_for_them() {
    let database = Database::new().await;
    let store = database.store_options().connections(2).connect().await.unwrap();
    let held = (store.begin().await.unwrap(), store.begin().await.unwrap());
    let mut waiting = JoinSet::new();
    for number in 0..5 {
        let store = store.clone();
        waiting.spawn(async move { append(&store, &envelopes([number])).await });
    }
    assert_eq!(store.barrier().await.unwrap().get(), 0);
    drop(held);
    waiting.join_all().await;
    assert_eq!(store.barrier().await.unwrap().get(), 5);
}

#[tokio::test]
async fn a_store_that_nobody_holds_any_more_lets_go_of_all_its_connections() {
    let database = Database::new().await;
    let others = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for closes in [false, true] {
        let store = database.store().await;
        append(&store, &envelopes([0])).await;
        store.barrier().await.unwrap();
        assert!(database.ask::<i64>(others).await >= 3);
        if closes {
            store.close().await;
            assert!(store.begin().await.is_err());
        }
        drop(store);
        until(async || database.ask::<i64>(others).await == 0).await;
    }
}
