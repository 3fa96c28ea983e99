//! Shutdowns in the middle of work on several lanes, and what the next owner finds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ensue::{Position, State, raise};
use ensue_sqlite::{Builder, Events, SqliteStore};
use tokio::sync::Semaphore;

use crate::scratch::{
    OrderCancelled, OrderPlaced, PATIENCE, Scratch, handled_all, place_all, shut_down, types, until,
};

/// Handlers of slow orders wait for this, in the middle of their work.
type Gate = Arc<Semaphore>;

type Begun = Arc<AtomicUsize>;

/// Each effect is an event.
async fn cancel(event: &OrderPlaced, State(gate): State<Gate>, State(begun): State<Begun>) {
    begun.fetch_add(1, Ordering::SeqCst);
    if event.order_no.starts_with("slow") {
        gate.acquire().await.unwrap().forget();
    }
    raise(OrderCancelled { order_no: event.order_no.clone() });
}

fn on_four_lanes(builder: Builder, gate: &Gate, begun: &Begun) -> Builder {
    let builder = builder.state(Arc::clone(gate)).state(Arc::clone(begun));
    builder.lease(Duration::from_secs(1)).subscription("cancel", |s| s.on(cancel).lanes(4))
}

/// With four lanes, the slow ones are under way when three of the others are done, and the last two
/// have to wait.
const ORDERS: [&str; 9] = ["slow 1", "a", "b", "slow 2", "c", "slow 3", "slow 4", "d", "e"];

/// As far as it gets without the last two.
const BEGUN: usize = 7;

/// An application in the middle of its work, with a receipt for what is done above the cursor.
async fn in_the_middle(
    scratch: &Scratch,
    gate: &Gate,
    begun: &Begun,
) -> (Events, ensue::Forwarder) {
    let events = on_four_lanes(scratch.builder().await, gate, begun).build().await.unwrap();
    place_all(&events, &ORDERS).await;
    let forwarder = events.forward();
    until(async || effects(events.store()).await == 3 && begun.load(Ordering::SeqCst) == BEGUN)
        .await;
    assert_eq!((cursor(&events).await, receipts(events.store()).await), (Position::START, 3));
    (events, forwarder)
}

async fn effects(store: &SqliteStore) -> usize {
    types(store).await.iter().filter(|name| *name == "order.cancelled").count()
}

async fn receipts(store: &SqliteStore) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM ensue_receipt");
    count.fetch_one(store.reader()).await.unwrap()
}

async fn cursor(events: &Events) -> Position {
    events.status("cancel").await.unwrap().cursor
}

/// Everything is done by the next owner, and each effect is there once.
async fn next_owner_finishes(scratch: &Scratch) {
    let (gate, begun) = (Arc::new(Semaphore::new(ORDERS.len())), Begun::default());
    let events = on_four_lanes(scratch.builder().await, &gate, &begun).build().await.unwrap();
    let forwarder = events.forward();
    handled_all(&events, "cancel").await;
    shut_down(forwarder).await;
    assert_eq!(effects(events.store()).await, ORDERS.len());
    assert_eq!(receipts(events.store()).await, 0);
}

#[tokio::test]
async fn what_is_under_way_on_any_lane_is_finished_and_the_cursor_is_flushed() {
    let scratch = Scratch::new();
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Begun::default());
    let (events, forwarder) = in_the_middle(&scratch, &gate, &begun).await;
    // The slow ones can go on only once the shutdown has begun.
    let let_go = async { gate.add_permits(4) };
    let (in_time, ()) = tokio::join!(forwarder.shutdown(PATIENCE), let_go);
    assert!(in_time);
    assert_eq!((begun.load(Ordering::SeqCst), effects(events.store()).await), (BEGUN, BEGUN));
    assert_eq!((cursor(&events).await, receipts(events.store()).await), (Position::new(7), 0));
    assert_eq!(events.status("cancel").await.unwrap().owner, None);
    next_owner_finishes(&scratch).await;
}

#[tokio::test]
async fn what_does_not_finish_within_the_limit_is_dropped_on_every_lane_and_done_by_the_next_owner()
{
    let scratch = Scratch::new();
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Begun::default());
    let (events, forwarder) = in_the_middle(&scratch, &gate, &begun).await;
    assert!(!forwarder.shutdown(Duration::from_millis(50)).await);
    gate.add_permits(4);
    assert_eq!((effects(events.store()).await, receipts(events.store()).await), (3, 3));
    next_owner_finishes(&scratch).await;
}

/// Nobody waits until the lease of the one before has run out.
#[tokio::test]
async fn a_subscription_is_free_at_once_for_who_comes_after_a_shutdown() {
    let scratch = Scratch::new();
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Begun::default());
    for order_no in ["a", "b", "c"] {
        let builder = on_four_lanes(scratch.builder().await, &gate, &begun);
        let events = builder.lease(Duration::from_secs(3_600)).build().await.unwrap();
        place_all(&events, &[order_no]).await;
        let forwarder = events.forward();
        handled_all(&events, "cancel").await;
        shut_down(forwarder).await;
    }
    assert_eq!(effects(&scratch.store().await).await, 3);
}
