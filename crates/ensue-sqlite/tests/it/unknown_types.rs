//! Events that another program has a handler for.

use std::time::Duration;

use ensue::subscription::{FailureClass, SetAsideState};
use ensue::{Event, Position, UnknownTypes};
use ensue_sqlite::{Builder, Events, Tx};
use serde::{Deserialize, Serialize};

use crate::scratch::{
    OrderCancelled, Scratch, add_effect, cancelled, eager, effects, handled_all, note, place_all,
    shut_down, until,
};

async fn note_cancelled(event: &OrderCancelled, tx: &mut Tx) -> sqlx::Result<()> {
    add_effect(tx, &format!("{} cancelled", event.order_no)).await
}

/// A program that handles both types.
async fn newer(scratch: &Scratch) -> Events {
    let builder = scratch.builder().await;
    let both = builder.subscription("notes", |s| s.on(note).on(note_cancelled).retry(eager()));
    both.build().await.unwrap()
}

/// One that knows but one.
fn older(builder: Builder, policy: UnknownTypes) -> Builder {
    builder.subscription("notes", |s| s.on(note).unknown_types(policy).retry(eager().attempts(3)))
}

async fn cancel(events: &Events, order_no: &str) {
    let run = events.run(async |_tx| {
        ensue::raise(cancelled(order_no));
        Ok::<_, ensue::Error>(())
    });
    run.await.unwrap();
}

#[tokio::test]
async fn an_event_that_only_a_newer_program_handles_waits_for_it() {
    let scratch = Scratch::new();
    let old = older(scratch.builder().await, UnknownTypes::SetAside).build().await.unwrap();
    let running = old.forward();
    place_all(&old, &["A"]).await;
    handled_all(&old, "notes").await;
    // The newer program starts while the older one owns the subscription.
    let new = newer(&scratch).await;
    cancel(&new, "A").await;
    place_all(&new, &["A", "B"]).await;
    until(async || old.status("notes").await.unwrap().cursor == Position::new(4)).await;
    assert_eq!(effects(old.store()).await, ["A", "B"]);
    let set_aside = old.status("notes").await.unwrap().set_aside;
    let failure = set_aside[0].failure.clone().unwrap();
    assert_eq!(failure.class, FailureClass::UnknownType);
    assert!(failure.message.contains("`order.cancelled`"), "{}", failure.message);
    assert_eq!(set_aside[1].state, SetAsideState::Queued, "its key waits behind it");
    shut_down(running).await;

    let running = new.forward();
    let operator = new.operate("notes");
    let all = ensue::subscription::Which::Parked { class: None, at_most: 10 };
    operator.retry(all, "the newer one runs").await.unwrap();
    handled_all(&new, "notes").await;
    assert_eq!(effects(new.store()).await, ["A", "B", "A cancelled", "A"]);
    shut_down(running).await;
}

#[tokio::test]
async fn after_a_renaming_without_an_alias_nothing_is_passed_by() {
    #[derive(Event, Serialize, Deserialize)]
    #[event(type = "order.revoked", key = order_no)]
    struct OrderRevoked {
        order_no: String,
    }
    async fn note_revoked(event: &OrderRevoked, tx: &mut Tx) -> sqlx::Result<()> {
        add_effect(tx, &format!("{} revoked", event.order_no)).await
    }
    let scratch = Scratch::new();
    let before = newer(&scratch).await;
    cancel(&before, "A").await;
    let builder = scratch.builder().await;
    let builder =
        builder.subscription("notes", |s| s.on(note).on(note_revoked).retry(eager().attempts(2)));
    let after = builder.build().await.unwrap();
    let running = after.forward();
    until(async || {
        let status = after.status("notes").await.unwrap();
        status.set_aside.iter().any(|entry| entry.state == SetAsideState::Parked)
    })
    .await;
    shut_down(running).await;
}

#[tokio::test]
async fn who_stops_at_unknown_types_parks_the_entry_and_begins_nothing_more() {
    let scratch = Scratch::new();
    drop(newer(&scratch).await);
    let old = older(scratch.builder().await, UnknownTypes::Stop).build().await.unwrap();
    cancel(&old, "A").await;
    let running = old.forward();
    until(async || old.status("notes").await.unwrap().paused.is_some()).await;
    let status = old.status("notes").await.unwrap();
    assert_eq!(status.set_aside[0].state, SetAsideState::Parked);
    let reason = status.paused.unwrap();
    assert!(reason.contains("entry 1") && reason.contains("`order.cancelled`"), "{reason}");
    place_all(&old, &["B"]).await;
    let ticket = old.ticket().await.unwrap();
    let waited = ticket.handled_by("notes", Duration::from_millis(50)).await.unwrap();
    assert_eq!(waited, ensue::Handled::TimedOut);
    shut_down(running).await;
}

#[tokio::test]
async fn who_skips_unknown_types_counts_them() {
    let scratch = Scratch::new();
    drop(newer(&scratch).await);
    let old = older(scratch.builder().await, UnknownTypes::Skip).build().await.unwrap();
    cancel(&old, "A").await;
    place_all(&old, &["B"]).await;
    cancel(&old, "C").await;
    let running = old.forward();
    handled_all(&old, "notes").await;
    assert_eq!(effects(old.store()).await, ["B"]);
    assert_eq!(old.operate("notes").unknown_skipped().unwrap(), 2);
    assert!(old.operate("nots").unknown_skipped().is_err());
    shut_down(running).await;
}

#[tokio::test]
async fn a_type_that_a_subscription_says_it_passes_by_is_passed_by() {
    let scratch = Scratch::new();
    drop(newer(&scratch).await);
    let builder = scratch.builder().await;
    let builder = builder.subscription("notes", |s| s.on(note).passes_by(["order.cancelled"]));
    let events = builder.build().await.unwrap();
    cancel(&events, "A").await;
    place_all(&events, &["B"]).await;
    let running = events.forward();
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, ["B"]);
    assert!(events.status("notes").await.unwrap().set_aside.is_empty());
    shut_down(running).await;
}
