//! Many processes, many subscriptions.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ensue::Subscriptions;
use ensue_sqlite::{Builder, Events};

use crate::scratch::{Scratch, effects, handled_all, note, place_all, shut_down, until};

const NAMES: [&str; 6] = ["one", "two", "three", "four", "five", "six"];

/// A process: a store of its own, that knows nothing of the others.
async fn process(scratch: &Scratch) -> Events {
    let subscribed = |builder: Builder| {
        NAMES.iter().fold(builder, |builder, name| builder.subscribe(name, note))
    };
    let builder = subscribed(scratch.builder().await).lease(Duration::from_millis(600));
    builder.build().await.unwrap()
}

/// How many each process owns, in ascending order.
async fn owned(events: &Events) -> Vec<usize> {
    let mut owned = BTreeMap::new();
    for claim in events.store().claims().await.unwrap() {
        *owned.entry(claim.owner).or_insert(0) += usize::from(claim.is_owner);
    }
    let mut numbers: Vec<_> = owned.into_values().collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn subscriptions_are_shared_out_among_the_processes_there_are() {
    let scratch = Scratch::new();
    let (first, second, third) =
        (process(&scratch).await, process(&scratch).await, process(&scratch).await);
    let running = first.forward();
    until(async || owned(&first).await == [6]).await;
    let also = second.forward();
    until(async || owned(&first).await == [3, 3]).await;
    let third_running = third.forward();
    until(async || owned(&first).await == [2, 2, 2]).await;

    place_all(&third, &["A", "B"]).await;
    for name in NAMES {
        handled_all(&first, name).await;
    }
    assert_eq!(effects(first.store()).await.len(), 2 * NAMES.len());

    shut_down(also).await;
    until(async || owned(&first).await == [3, 3]).await;
    shut_down(third_running).await;
    until(async || owned(&first).await == [6]).await;
    place_all(&third, &["C"]).await;
    for name in NAMES {
        handled_all(&first, name).await;
    }
    assert_eq!(effects(first.store()).await.len(), 3 * NAMES.len());
    shut_down(running).await;
}

/// Ten orders, numbered on from `placed`.
async fn place_ten(events: &Events, placed: &AtomicUsize) {
    let first = placed.fetch_add(10, Ordering::SeqCst);
    let orders: Vec<_> = (first..first + 10).map(|number| number.to_string()).collect();
    place_all(events, &orders.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn what_is_under_way_when_subscriptions_are_given_away_has_its_effect_once() {
    let (scratch, placed) = (Scratch::new(), AtomicUsize::new(0));
    let (first, second) = (process(&scratch).await, process(&scratch).await);
    let running = first.forward();
    until(async || owned(&first).await == [6]).await;
    let also = second.forward();
    // There is work before, while and after they change hands.
    until(async || {
        place_ten(&first, &placed).await;
        owned(&first).await == [3, 3]
    })
    .await;
    place_ten(&first, &placed).await;
    for name in NAMES {
        handled_all(&first, name).await;
    }
    shut_down(also).await;
    shut_down(running).await;
    let mut times = BTreeMap::new();
    for order_no in effects(first.store()).await {
        *times.entry(order_no).or_insert(0) += 1;
    }
    assert_eq!(times.len(), placed.into_inner());
    assert!(times.values().all(|times| *times == NAMES.len()), "{times:?}");
}
