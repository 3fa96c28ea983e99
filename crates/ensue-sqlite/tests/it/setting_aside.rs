//! Entries that fail, and what becomes of them and their keys.

use std::time::Duration;

use ensue::subscription::{FailureClass, SetAsideState};
use ensue::{
    BoxError, Error, Event, Handler, Meta, Position, RetryPolicy, Start, SubscriptionStatus, raise,
};
use ensue_sqlite::{Builder, Events, Tx};
use serde::{Deserialize, Serialize};

use crate::scratch::{
    OrderCancelled, OrderPlaced, SOON, Scratch, add_effect, eager, effects, handled_all, note,
    place, place_all, shut_down, until,
};

/// Fails the first attempts at orders whose number says so, after having had its effect.
async fn stumble(event: &OrderPlaced, meta: Meta, tx: &mut Tx) -> Result<(), BoxError> {
    add_effect(tx, &event.order_no).await?;
    match event.order_no.contains("bad") && meta.attempt < 4 {
        true => Err(format!("attempt {} at {}", meta.attempt, event.order_no).into()),
        false => Ok(()),
    }
}

#[tokio::test]
async fn a_failed_effect_is_rolled_back_and_tried_again_until_it_is_done_once() {
    let scratch = Scratch::new();
    let builder = scratch.builder().await;
    let stumbling = |policy| builder.subscription("notes", |s| s.on(stumble).retry(policy));
    let events = stumbling(eager()).build().await.unwrap();
    let forwarder = events.forward();
    place_all(&events, &["bad", "good", "bad", "good", "bad"]).await;
    handled_all(&events, "notes").await;
    let effects = effects(events.store()).await;
    assert_eq!(effects.iter().filter(|effect| *effect == "bad").count(), 3);
    assert_eq!(effects.iter().filter(|effect| *effect == "good").count(), 2);
    shut_down(forwarder).await;
}

async fn set_aside(events: &Events, entries: usize) -> SubscriptionStatus {
    let head = events.head().await.unwrap();
    until(async || {
        let status = events.status("notes").await.unwrap();
        status.cursor == head && status.set_aside.len() == entries
    })
    .await;
    events.status("notes").await.unwrap()
}

#[tokio::test]
async fn a_poisoned_entry_holds_up_its_key_and_nobody_else() {
    let scratch = Scratch::new();
    let slow =
        RetryPolicy::default().backoff(Duration::from_secs(3_600), Duration::from_secs(3_600));
    let builder = scratch.builder().await;
    let subscribed = builder.subscription("notes", |s| s.on(stumble).retry(slow));
    let events = subscribed.build().await.unwrap();
    let forwarder = events.forward();
    place_all(&events, &["bad", "good", "bad", "better"]).await;
    let status = set_aside(&events, 2).await;
    assert_eq!(effects(events.store()).await, ["good", "better"]);
    let [first, second] = &status.set_aside[..] else { panic!("{status:?}") };
    assert!(matches!(first.state, SetAsideState::Retrying { .. }));
    assert_eq!((first.position.get(), first.attempts), (1, 1));
    let failure = first.failure.as_ref().unwrap();
    assert_eq!(failure.class, FailureClass::Handler);
    assert!(failure.message.contains("attempt 1 at bad"), "{failure:?}");
    assert_eq!((second.position.get(), second.state), (3, SetAsideState::Queued));
    assert!(!status.has_handled(Position::new(1)) && !status.has_handled(Position::new(4)));
    shut_down(forwarder).await;
}

#[tokio::test]
async fn what_was_set_aside_is_tried_again_by_the_next_owner() {
    let scratch = Scratch::new();
    let policy = RetryPolicy::default().backoff(SOON, SOON);
    let always = async |_: &OrderPlaced| Err::<(), _>("down");
    let builder = scratch.builder().await;
    let failing = builder.subscription("notes", |s| s.on(always).retry(policy.attempts(1_000_000)));
    let events = failing.build().await.unwrap();
    let forwarder = events.forward();
    place_all(&events, &["A", "A", "B"]).await;
    set_aside(&events, 3).await;
    shut_down(forwarder).await;
    let events = scratch.builder().await.subscribe("notes", note).build().await.unwrap();
    let forwarder = events.forward();
    handled_all(&events, "notes").await;
    let effects = effects(events.store()).await;
    assert_eq!(effects.iter().filter(|effect| *effect == "A").count(), 2);
    assert_eq!(effects.len(), 3);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn after_the_last_attempt_an_entry_is_parked() {
    let scratch = Scratch::new();
    let builder = scratch.builder().await;
    let policy = RetryPolicy::default().attempts(3).backoff(SOON, SOON);
    let subscribed = builder.subscription("notes", |s| s.on(stumble).retry(policy));
    let events = subscribed.build().await.unwrap();
    let forwarder = events.forward();
    place(&events, "bad").await;
    until(async || {
        let status = events.status("notes").await.unwrap();
        status.set_aside.iter().any(|entry| entry.state == SetAsideState::Parked)
    })
    .await;
    let status = events.status("notes").await.unwrap();
    assert_eq!(status.set_aside[0].attempts, 3);
    shut_down(forwarder).await;
}

async fn fail_with(scratch: &Scratch, describe: impl FnOnce(Builder) -> Builder) -> FailureClass {
    let events = describe(scratch.builder().await).build().await.unwrap();
    let forwarder = events.forward();
    place_all(&events, &["A"]).await;
    let status = set_aside(&events, 1).await;
    shut_down(forwarder).await;
    status.set_aside[0].failure.as_ref().unwrap().class
}

#[tokio::test]
async fn a_panic_of_a_handler_is_a_failure_like_any_other() {
    async fn plain(_: &OrderPlaced) {
        panic!("on purpose");
    }
    async fn in_transaction(_: &OrderPlaced, tx: &mut Tx) {
        add_effect(tx, "ghost").await.unwrap();
        panic!("on purpose");
    }
    let class = fail_with(&Scratch::new(), |builder| builder.subscribe("notes", plain)).await;
    assert_eq!(class, FailureClass::Panic);
    let scratch = Scratch::new();
    let class = fail_with(&scratch, |builder| builder.subscribe("notes", in_transaction)).await;
    assert_eq!(class, FailureClass::Panic);
    assert_eq!(effects(&scratch.store().await).await, [""; 0]);
}

struct PanicsBeforeItsFuture;

impl Handler<OrderPlaced> for PanicsBeforeItsFuture {
    fn handle(
        &self,
        _: &OrderPlaced,
        _: &Meta,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        assert!(std::env::args().count() == 0, "on purpose");
        async { Ok(()) }
    }
}

#[tokio::test]
async fn a_handler_that_panics_before_it_has_a_future_is_a_failure_too() {
    let scratch = Scratch::new();
    let class = fail_with(&scratch, |builder| builder.subscribe("notes", PanicsBeforeItsFuture));
    assert_eq!(class.await, FailureClass::Panic);
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_dropped() {
    async fn endless(_: &OrderPlaced, tx: &mut Tx) {
        add_effect(tx, "ghost").await.unwrap();
        std::future::pending::<()>().await;
    }
    let scratch = Scratch::new();
    let short = Duration::from_millis(20);
    let class = fail_with(&scratch, |builder| {
        builder.subscription("notes", |s| s.on(endless).deadline(short))
    });
    assert_eq!(class.await, FailureClass::Deadline);
    assert_eq!(effects(&scratch.store().await).await, [""; 0]);
}

#[derive(Event, Serialize, Deserialize)]
#[event(type = "order.placed")]
struct OrderPlacedLater {
    coupon: String,
}

/// The events are stored by a program in which their type has another shape.
#[tokio::test]
async fn an_event_that_cannot_be_read_is_parked_with_its_class() {
    async fn later(_: &OrderPlacedLater) {}
    let scratch = Scratch::new();
    place(&scratch.builder().await.build().await.unwrap(), "A").await;
    let builder = scratch.builder().await;
    let subscribed = builder.subscription("notes", |s| s.on(later).from(Start::Beginning));
    let events = subscribed.build().await.unwrap();
    let forwarder = events.forward();
    let status = set_aside(&events, 1).await;
    shut_down(forwarder).await;
    assert_eq!(status.set_aside[0].state, SetAsideState::Parked);
    let failure = status.set_aside[0].failure.as_ref().unwrap();
    assert_eq!(failure.class, FailureClass::Undecodable);
    assert!(failure.message.contains("missing field `coupon`"), "{failure:?}");
}

/// As a newer program has it, under another name.
#[derive(Event, Serialize, Deserialize)]
#[event(type = "order.accepted", version = 2, alias = "order.placed", upcast(1 = add_coupon))]
struct OrderAccepted {
    order_no: String,
    coupon: String,
}

fn add_coupon(mut event: serde_json::Value) -> serde_json::Value {
    event["coupon"] = "none".into();
    event
}

#[tokio::test]
async fn what_an_older_program_stored_is_handled_as_if_it_were_stored_now() {
    let scratch = Scratch::new();
    place(&scratch.builder().await.build().await.unwrap(), "A").await;
    let accepted = async |event: &OrderAccepted, tx: &mut Tx| {
        add_effect(tx, &format!("{} {}", event.order_no, event.coupon)).await
    };
    let builder = scratch.builder().await;
    let subscribed = builder.subscription("notes", |s| s.on(accepted).from(Start::Beginning));
    let events = subscribed.build().await.unwrap();
    let forwarder = events.forward();
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, ["A none"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn what_a_newer_program_stored_is_tried_again_until_that_one_handles_it() {
    let scratch = Scratch::new();
    let newer = scratch.builder().await.build().await.unwrap();
    let run = newer.run(async |tx| {
        raise(OrderPlaced::of("A", 1));
        tx.flush().await?;
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    let later = "UPDATE ensue_log SET version = 7";
    let run = newer.run(async |tx| {
        sqlx::raw_sql(later).execute(&mut **tx).await?;
        Ok::<_, BoxError>(())
    });
    run.await.unwrap();
    let builder = scratch.builder().await;
    let subscribed = builder.subscription("notes", |s| s.on(note).from(Start::Beginning));
    let events = subscribed.build().await.unwrap();
    let forwarder = events.forward();
    let status = set_aside(&events, 1).await;
    shut_down(forwarder).await;
    assert!(matches!(status.set_aside[0].state, SetAsideState::Retrying { .. }));
    assert_eq!(status.set_aside[0].failure.as_ref().unwrap().class, FailureClass::Newer);
}

#[tokio::test]
async fn a_panic_of_what_ensues_in_the_transaction_is_a_failure_of_the_entry() {
    async fn plain(event: &OrderPlaced) {
        raise(OrderCancelled { order_no: event.order_no.clone() });
    }
    async fn panicking(_: &OrderCancelled, tx: &mut Tx) {
        add_effect(tx, "ghost").await.unwrap();
        panic!("on purpose");
    }
    let scratch = Scratch::new();
    let class = fail_with(&scratch, |builder| builder.subscribe("notes", plain).on(panicking));
    assert_eq!(class.await, FailureClass::Panic);
    assert_eq!(effects(&scratch.store().await).await, [""; 0]);
}
