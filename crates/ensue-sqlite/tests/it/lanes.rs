//! Several entries of a subscription at once, those of a key one after the other.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ensue::{BoxError, Position, SubscriptionBuilder};
use ensue_sqlite::{SqliteStore, Tx};
use tokio::sync::{Notify, Semaphore};

use crate::scratch::{
    Notes, OrderPlaced, Scratch, add_effect, effects, handled_all, place_all, shut_down, until,
};

#[tokio::test]
async fn a_slow_entry_holds_up_its_key_and_nobody_else() {
    let scratch = Scratch::new();
    let (notes, gate) = (Notes::default(), Arc::new(Notify::new()));
    let (seen, held) = (notes.clone(), Arc::clone(&gate));
    let slow = async move |event: &OrderPlaced| {
        if event.order_no == "slow" && event.amount == 1 {
            held.notified().await;
        }
        seen.add(&event.order_no);
    };
    let builder = scratch.builder().await;
    let events = builder.subscription("slow", |s| s.on(slow).lanes(3)).build().await.unwrap();
    let forwarder = events.forward();
    place_all(&events, &["slow", "slow", "a", "b", "c", "d"]).await;
    until(async || notes.all().len() == 4).await;
    assert_eq!(notes.all(), ["a", "b", "c", "d"]);
    let status = events.status("slow").await.unwrap();
    assert_eq!((status.cursor, status.set_aside.len()), (Position::START, 0));
    gate.notify_one();
    gate.notify_one();
    until(async || events.status("slow").await.unwrap().has_handled(Position::new(6))).await;
    assert_eq!(notes.all()[4..], ["slow", "slow"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn no_more_entries_are_handled_at_once_than_there_are_lanes() {
    let scratch = Scratch::new();
    let (now, most, gate) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (running, highest, held) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&gate));
    let count = async move |_: &OrderPlaced| {
        highest.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        held.acquire().await.unwrap().forget();
        running.fetch_sub(1, Ordering::SeqCst);
    };
    let builder = scratch.builder().await;
    let events = builder.subscription("count", |s| s.on(count).lanes(3)).build().await.unwrap();
    let forwarder = events.forward();
    let orders: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let orders: Vec<&str> = orders.iter().map(String::as_str).collect();
    place_all(&events, &orders).await;
    until(async || now.load(Ordering::SeqCst) == 3).await;
    gate.add_permits(20);
    handled_all(&events, "count").await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    shut_down(forwarder).await;
}

async fn note(event: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
    Ok(add_effect(tx, &format!("{} {}", event.order_no, event.amount)).await?)
}

/// Numbers each order's events.
async fn place_many(events: &ensue_sqlite::Events, orders: u32, each: i64) {
    for amount in 1..=each {
        let run = events.run(async |_tx| {
            for order in 0..orders {
                ensue::raise(OrderPlaced::of(order.to_string(), amount));
            }
            Ok::<_, ensue::Error>(())
        });
        run.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_entry_has_its_effect_once_and_those_of_a_key_in_order() {
    let scratch = Scratch::new();
    let subscribe = |s: SubscriptionBuilder<SqliteStore>| s.on(note).lanes(8);
    let events = scratch.builder().await.subscription("notes", subscribe).build().await.unwrap();
    place_many(&events, 10, 30).await;
    let forwarder = events.forward();
    place_many(&events, 10, 0).await;
    handled_all(&events, "notes").await;
    shut_down(forwarder).await;
    assert_in_order(&effects(events.store()).await, 10, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_goes_in_the_middle_loses_and_doubles_nothing() {
    let scratch = Scratch::new();
    let subscribe = |s: SubscriptionBuilder<SqliteStore>| s.on(note).lanes(8);
    // Nobody hands over, so that each owner waits for the lease of the one before.
    let builder = scratch.builder().await.lease(Duration::from_millis(200));
    let events = builder.subscription("notes", subscribe).build().await.unwrap();
    place_many(&events, 10, 30).await;
    for _ in 0..8 {
        let forwarder = events.forward();
        let before = effects(events.store()).await.len();
        until(async || {
            let now = effects(events.store()).await.len();
            now > before || now == 300
        })
        .await;
        // With no time to finish in, handlers are dropped wherever they are.
        forwarder.shutdown(Duration::ZERO).await;
    }
    let forwarder = events.forward();
    handled_all(&events, "notes").await;
    shut_down(forwarder).await;
    assert_in_order(&effects(events.store()).await, 10, 30);
}

fn assert_in_order(effects: &[String], orders: usize, each: u32) {
    let mut last: HashMap<&str, u32> = HashMap::new();
    for effect in effects {
        let (order, amount) = effect.split_once(' ').unwrap();
        let amount = amount.parse().unwrap();
        assert_eq!(last.insert(order, amount).unwrap_or(0) + 1, amount, "{order}");
    }
    assert_eq!(last.len(), orders);
    assert!(last.values().all(|amount| *amount == each), "{last:?}");
}

#[tokio::test]
async fn a_poisoned_key_is_set_aside_while_all_others_flow() {
    let scratch = Scratch::new();
    let seen = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&seen);
    let pick = move |event: &OrderPlaced| -> Result<(), String> {
        if event.order_no == "0" {
            return Err("poison".to_owned());
        }
        *counted.lock().unwrap() += 1;
        Ok(())
    };
    let builder = scratch.builder().await;
    let events = builder.subscription("pick", |s| s.on(pick).lanes(4)).build().await.unwrap();
    let forwarder = events.forward();
    place_many(&events, 10, 20).await;
    until(async || events.status("pick").await.unwrap().cursor == Position::new(200)).await;
    let set_aside = events.status("pick").await.unwrap().set_aside;
    assert_eq!(*seen.lock().unwrap(), 180);
    assert_eq!(set_aside.len(), 20);
    assert!(set_aside.iter().all(|entry| entry.key.as_deref() == Some("0")));
    shut_down(forwarder).await;
}
