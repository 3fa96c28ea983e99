//! Who runs a subscription, and how it is handed over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ensue::subscription::TakeOver;
use ensue::{Position, State, Subscriptions};
use ensue_sqlite::Tx;
use tokio::sync::{Notify, Semaphore};

use crate::scratch::{
    OrderPlaced, Scratch, add_effect, effects, handled_all, note, place, place_all, shut_down,
    until,
};

#[tokio::test]
async fn one_of_several_forwarders_runs_a_subscription_and_hands_it_over() {
    async fn count(_: &OrderPlaced, State(calls): State<Arc<AtomicU32>>, tx: &mut Tx) {
        calls.fetch_add(1, Ordering::SeqCst);
        add_effect(tx, "handled").await.unwrap();
    }
    let scratch = Scratch::new();
    let calls = [Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0))];
    let mut forwarders = Vec::new();
    for calls in &calls {
        let builder =
            scratch.builder().await.state(Arc::clone(calls)).lease(Duration::from_secs(10));
        let events = builder.subscribe("notes", count).build().await.unwrap();
        until(async || {
            forwarders.is_empty() || events.status("notes").await.unwrap().owner.is_some()
        })
        .await;
        forwarders.push((events.forward(), events));
    }
    let (second, events) = forwarders.pop().unwrap();
    let (first, _) = forwarders.pop().unwrap();
    place_all(&events, &["A", "B"]).await;
    handled_all(&events, "notes").await;
    assert_eq!(calls.each_ref().map(|calls| calls.load(Ordering::SeqCst)), [2, 0]);
    shut_down(first).await;
    place_all(&events, &["C"]).await;
    handled_all(&events, "notes").await;
    assert_eq!(calls.each_ref().map(|calls| calls.load(Ordering::SeqCst)), [2, 1]);
    shut_down(second).await;
}

#[tokio::test]
async fn a_long_handler_keeps_its_lease() {
    async fn long(
        _: &OrderPlaced,
        State(going): State<Arc<Semaphore>>,
        State(begun): State<Arc<Notify>>,
    ) {
        begun.notify_one();
        going.acquire().await.unwrap().forget();
    }
    let scratch = Scratch::new();
    let (going, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    // A machine that stalls for two thirds of the lease ends the term.
    let lease = Duration::from_secs(9);
    let builder = scratch.builder().await.lease(lease);
    let builder = builder.state(Arc::clone(&going)).state(Arc::clone(&begun));
    let events = builder.subscribe("notes", long).build().await.unwrap();
    let forwarder = events.forward();
    place(&events, "A").await;
    begun.notified().await;
    let owner = events.status("notes").await.unwrap().owner;
    // The thief asks continuously until the lease is renewed.
    let thief = scratch.store().await;
    let ends = async || {
        let read = sqlx::query_scalar::<_, i64>("SELECT until_us FROM ensue_lease");
        read.fetch_one(thief.reader()).await.unwrap()
    };
    let first = ends().await;
    while ends().await == first {
        let answer = thief.take_over("notes", "thief", lease).await.unwrap();
        let TakeOver::Held { owner: holder, .. } = answer else { panic!("the lease ran out") };
        assert_eq!(Some(holder), owner);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    going.add_permits(1);
    handled_all(&events, "notes").await;
    shut_down(forwarder).await;
}

/// A lease so long that no renewal happens during the test.
const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn shutting_down_lets_the_handler_that_runs_finish() {
    async fn slow(
        _: &OrderPlaced,
        State(going): State<Arc<Semaphore>>,
        State(begun): State<Arc<Notify>>,
        tx: &mut Tx,
    ) {
        begun.notify_one();
        going.acquire().await.unwrap().forget();
        add_effect(tx, "finished").await.unwrap();
    }
    let scratch = Scratch::new();
    let (going, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let builder = scratch.builder().await.lease(LONG);
    let builder = builder.state(Arc::clone(&going)).state(Arc::clone(&begun));
    let events = builder.subscribe("notes", slow).build().await.unwrap();
    let forwarder = events.forward();
    place_all(&events, &["A", "B", "C"]).await;
    begun.notified().await;
    // The handler can continue only after the shutdown has begun.
    tokio::join!(shut_down(forwarder), async { going.add_permits(3) });
    assert_eq!(effects(events.store()).await, ["finished"]);
    let status = events.status("notes").await.unwrap();
    assert_eq!((status.cursor, status.owner), (Position::new(1), None));
}

#[tokio::test]
async fn a_shutdown_past_its_limit_drops_the_handler_and_loses_nothing() {
    async fn endless(_: &OrderPlaced, State(begun): State<Arc<Notify>>, tx: &mut Tx) {
        add_effect(tx, "ghost").await.unwrap();
        begun.notify_one();
        std::future::pending::<()>().await;
    }
    let scratch = Scratch::new();
    let begun = Arc::new(Notify::new());
    let builder = scratch.builder().await.state(Arc::clone(&begun)).lease(Duration::from_secs(2));
    let events = builder.subscribe("notes", endless).build().await.unwrap();
    let forwarder = events.forward();
    place(&events, "A").await;
    begun.notified().await;
    assert!(!forwarder.shutdown(Duration::from_millis(10)).await);
    let events = scratch.builder().await.subscribe("notes", note).build().await.unwrap();
    let forwarder = events.forward();
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, ["A"]);
    shut_down(forwarder).await;
}
