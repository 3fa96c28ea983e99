//! What is promised of transactions.

use std::task::{Context, Waker};
use std::time::Duration;

use ensue::store::Savepoint;
use ensue::{Log, Position, Transactions};
use tokio::task::JoinSet;

use crate::backend::{Backend, PATIENCE, assert_dense, effects_of, envelope, payloads};

/// Wholly.
pub async fn an_effect_and_its_events_commit_together<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let mut transaction = store.begin().await.unwrap();
    B::add_effect(&mut transaction, "restocked").await;
    store.append(&mut transaction, &[envelope("1")]).await.unwrap();
    store.commit(transaction).await.unwrap();
    assert_eq!(effects_of::<B>(&store).await, ["restocked"]);
    assert_dense(&store, 1).await;
}

/// Or not at all.
pub async fn an_effect_and_its_events_roll_back_together<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let mut transaction = store.begin().await.unwrap();
    B::add_effect(&mut transaction, "ghost").await;
    store.append(&mut transaction, &[envelope("1")]).await.unwrap();
    store.rollback(transaction).await.unwrap();
    assert_eq!(effects_of::<B>(&store).await, [""; 0]);
    assert_eq!(store.head().await.unwrap(), Position::START);
}

/// A caller that is cancelled ends nothing in word.
pub async fn a_dropped_transaction_leaves_nothing_and_holds_nobody_up<B: Backend>(backend: &B) {
    let store = backend.open().await;
    for _ in 0..20 {
        let mut transaction = store.begin().await.unwrap();
        B::add_effect(&mut transaction, "ghost").await;
        store.append(&mut transaction, &[envelope("\"ghost\"")]).await.unwrap();
        drop(transaction);
        let next = tokio::time::timeout(PATIENCE, store.begin()).await.expect("held up");
        let mut next = next.unwrap();
        assert_eq!(B::effects(&mut next).await, [""; 0]);
        store.rollback(next).await.unwrap();
    }
    assert_eq!(store.head().await.unwrap(), Position::START);
}

/// A busy database is waited for: in one process, and among several.
pub async fn transactions_at_once_all_succeed<B: Backend>(backend: &B) {
    let mut writers = JoinSet::new();
    for _ in 0..3 {
        let store = backend.open().await;
        for _ in 0..4 {
            let store = store.clone();
            writers.spawn(async move {
                for _ in 0..10 {
                    let mut transaction = store.begin().await.unwrap();
                    B::add_effect(&mut transaction, "done").await;
                    store.append(&mut transaction, &[envelope("1")]).await.unwrap();
                    store.commit(transaction).await.unwrap();
                }
            });
        }
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let store = backend.open().await;
    assert_eq!(effects_of::<B>(&store).await.len(), 120);
    assert_dense(&store, 120).await;
}

/// Nothing depends on the handle that wrote it.
pub async fn what_was_committed_is_there_for_whoever_opens_the_database_next<B: Backend>(
    backend: &B,
) {
    let store = backend.open().await;
    let mut transaction = store.begin().await.unwrap();
    B::add_effect(&mut transaction, "restocked").await;
    store.append(&mut transaction, &[envelope("\"kept\"")]).await.unwrap();
    store.commit(transaction).await.unwrap();
    drop(store);
    let next = backend.open().await;
    assert_eq!(effects_of::<B>(&next).await, ["restocked"]);
    assert_eq!(payloads(&next).await, ["\"kept\""]);
}

/// And what was done before stays.
pub async fn a_savepoint_that_is_rolled_back_undoes_what_was_done_since<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let mut transaction = store.begin().await.unwrap();
    B::add_effect(&mut transaction, "before").await;
    for round in ["first", "second"] {
        store.savepoint(&mut transaction, Savepoint::Open, 0).await.unwrap();
        B::add_effect(&mut transaction, round).await;
        store.savepoint(&mut transaction, Savepoint::Open, 1).await.unwrap();
        B::add_effect(&mut transaction, "inner").await;
        store.savepoint(&mut transaction, Savepoint::Release, 1).await.unwrap();
        store.savepoint(&mut transaction, Savepoint::RollBack, 0).await.unwrap();
        assert_eq!(B::effects(&mut transaction).await, ["before"]);
    }
    store.commit(transaction).await.unwrap();
    assert_eq!(effects_of::<B>(&store).await, ["before"]);
}

/// Of two that are open, the inner one can go alone.
pub async fn a_savepoint_that_is_released_keeps_what_was_done_since<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let mut transaction = store.begin().await.unwrap();
    store.savepoint(&mut transaction, Savepoint::Open, 0).await.unwrap();
    B::add_effect(&mut transaction, "outer").await;
    store.savepoint(&mut transaction, Savepoint::Open, 1).await.unwrap();
    B::add_effect(&mut transaction, "inner").await;
    store.savepoint(&mut transaction, Savepoint::RollBack, 1).await.unwrap();
    store.savepoint(&mut transaction, Savepoint::Release, 0).await.unwrap();
    store.commit(transaction).await.unwrap();
    assert_eq!(effects_of::<B>(&store).await, ["outer"]);
}

/// Whoever is cancelled while it waits, or at any later poll.
pub async fn a_begin_that_is_dropped_half_way_leaves_nothing_open<B: Backend>(backend: &B) {
    let store = backend.open().await;
    for polls in 0..12 {
        let mut begin = Box::pin(store.begin());
        for _ in 0..polls {
            let mut cx = Context::from_waker(Waker::noop());
            if begin.as_mut().poll(&mut cx).is_ready() {
                break;
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        drop(begin);
        let next = tokio::time::timeout(PATIENCE, store.begin()).await.expect("held up");
        let mut next = next.unwrap();
        store.append(&mut next, &[]).await.unwrap();
        store.rollback(next).await.unwrap();
    }
}

/// While it is open it takes an append, savepoints or not.
pub async fn an_append_of_nothing_appends_nothing<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let mut transaction = store.begin().await.unwrap();
    store.savepoint(&mut transaction, Savepoint::Open, 0).await.unwrap();
    B::add_effect(&mut transaction, "kept").await;
    store.savepoint(&mut transaction, Savepoint::Release, 0).await.unwrap();
    store.append(&mut transaction, &[]).await.unwrap();
    store.commit(transaction).await.unwrap();
    assert_eq!(effects_of::<B>(&store).await, ["kept"]);
    assert_eq!(store.head().await.unwrap(), ensue::Position::START);
}
