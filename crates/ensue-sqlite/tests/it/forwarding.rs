//! Durable subscriptions in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ensue::store::Page;
use ensue::subscription::{FailureClass, SetAsideState, TakeOver};
use ensue::{
    AnyEvent, BoxError, Error, ErrorKind, Event, Forwarder, Handler, Log, Meta, Position,
    RetryPolicy, Start, State, SubscriptionStatus, Subscriptions, raise,
};
use ensue_sqlite::{Builder, Events, Tx};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore};

use crate::scratch::{OrderCancelled, OrderPlaced, Scratch, add_effect, effects, handled, until};

const SOON: Duration = Duration::from_millis(1);

async fn note(event: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
    Ok(add_effect(tx, &event.order_no).await?)
}

async fn place(events: &Events, order_no: &str) {
    place_all(events, &[order_no]).await;
}

async fn place_all(events: &Events, order_nos: &[&str]) {
    let run = events.run(async |_tx| {
        for order_no in order_nos {
            raise(OrderPlaced::of(*order_no, 1));
        }
        Ok::<_, Error>(())
    });
    run.await.unwrap();
}

async fn handled_all(events: &Events, subscription: &str) {
    handled(events, subscription, events.head().await.unwrap()).await;
}

async fn shut_down(forwarder: Forwarder) {
    assert!(forwarder.shutdown(Duration::from_secs(30)).await);
}

/// A policy under which a failed entry is due again at once.
fn eager() -> RetryPolicy {
    RetryPolicy::default().attempts(1_000).backoff(SOON, SOON)
}

#[tokio::test]
async fn what_is_raised_is_handled_durably_in_order() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.subscribe("notes", note).build().await.unwrap();
    let forwarder = events.forward();
    for order_no in ["A", "B", "C"] {
        place(&events, order_no).await;
    }
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, ["A", "B", "C"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_new_subscription_starts_at_the_head_unless_told_otherwise() {
    let scratch = Scratch::new();
    place(&scratch.builder().await.build().await.unwrap(), "before").await;
    let from = |name, start| {
        move |builder: Builder| {
            builder.subscription(name, |subscription| subscription.on(note).from(start))
        }
    };
    let builder = from("from head", Start::Head)(scratch.builder().await);
    let events = from("from beginning", Start::Beginning)(builder).build().await.unwrap();
    place(&events, "after").await;
    let forwarder = events.forward();
    handled_all(&events, "from head").await;
    handled_all(&events, "from beginning").await;
    let mut effects = effects(events.store()).await;
    effects.sort();
    assert_eq!(effects, ["after", "after", "before"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_restart_goes_on_after_what_was_handled() {
    let scratch = Scratch::new();
    for round in ["A", "B", "C"] {
        let events = scratch.builder().await.subscribe("notes", note).build().await.unwrap();
        place(&events, round).await;
        let forwarder = events.forward();
        handled_all(&events, "notes").await;
        shut_down(forwarder).await;
    }
    assert_eq!(effects(&scratch.store().await).await, ["A", "B", "C"]);
}

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
async fn events_of_types_that_are_not_handled_are_passed_by() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.subscribe("notes", note).build().await.unwrap();
    let forwarder = events.forward();
    let run = events.run(async |_tx| {
        for number in 0..2_500 {
            raise(OrderCancelled { order_no: number.to_string() });
        }
        raise(OrderPlaced::of("last", 1));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, ["last"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn what_is_passed_by_moves_the_cursor_of_an_idle_log_too() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.subscribe("notes", note).build().await.unwrap();
    let forwarder = events.forward();
    let run = events.run(async |_tx| {
        raise(OrderCancelled { order_no: "A".to_owned() });
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, [""; 0]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_durable_handler_of_any_event_sees_what_is_stored() {
    let scratch = Scratch::new();
    let audit = async |event: &AnyEvent, meta: Meta, tx: &mut Tx| {
        let payload = String::from_utf8(event.payload().unwrap().into_owned()).unwrap();
        add_effect(tx, &format!("{:?} {payload}", meta.position.map(Position::get))).await
    };
    let builder = scratch.builder().await;
    let events = builder.subscription("audit", |s| s.on_any(audit)).build().await.unwrap();
    let forwarder = events.forward();
    place(&events, "A").await;
    handled_all(&events, "audit").await;
    let expected = [r#"Some(1) {"order_no":"A","amount":1}"#];
    assert_eq!(effects(events.store()).await, expected);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn events_raised_by_durable_handlers_continue_the_story() {
    async fn in_transaction(event: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
        raise(OrderCancelled { order_no: event.order_no.clone() });
        Ok(add_effect(tx, "in transaction").await?)
    }
    async fn plain(event: &OrderPlaced) {
        tokio::task::yield_now().await;
        raise(OrderCancelled { order_no: event.order_no.clone() });
    }
    let scratch = Scratch::new();
    let builder = scratch.builder().await.subscribe("in transaction", in_transaction);
    let events = builder
        .subscribe("plain", plain)
        .on(async |event: &OrderCancelled, tx: &mut Tx| add_effect(tx, &event.order_no).await)
        .build()
        .await
        .unwrap();
    let forwarder = events.forward();
    place(&events, "A").await;
    until(async || events.head().await.unwrap() == Position::new(3)).await;
    let log = events.store().read(Page::new(Position::START, 10)).await.unwrap();
    let [placed, cancelled @ ..] = &log[..] else { panic!("{log:?}") };
    for entry in cancelled {
        assert_eq!(entry.envelope.causation_id, Some(placed.envelope.id));
        assert_eq!(entry.envelope.correlation_id, placed.envelope.correlation_id);
        assert_eq!((placed.envelope.hops, entry.envelope.hops), (0, 1));
    }
    let mut effects = effects(events.store()).await;
    effects.sort();
    assert_eq!(effects, ["A", "A", "in transaction"]);
    shut_down(forwarder).await;
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

#[tokio::test]
async fn a_story_without_end_is_set_aside() {
    async fn again(event: &OrderPlaced) {
        raise(event.clone());
    }
    let scratch = Scratch::new();
    let builder = scratch.builder().await;
    let once = RetryPolicy::default().attempts(1);
    let subscribed = builder.subscription("notes", |s| s.on(again).retry(once));
    let events = subscribed.build().await.unwrap();
    let forwarder = events.forward();
    place(&events, "A").await;
    until(async || !events.status("notes").await.unwrap().set_aside.is_empty()).await;
    assert_eq!(events.head().await.unwrap(), Position::new(65));
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_handler_without_a_transaction_may_run_a_unit_of_work() {
    async fn plain(event: &OrderPlaced, State(events): State<Events>) -> Result<(), BoxError> {
        let run = events.run(async |tx| Ok::<_, BoxError>(add_effect(tx, &event.order_no).await?));
        run.await
    }
    let scratch = Scratch::new();
    let inner = scratch.builder().await.build().await.unwrap();
    let builder = scratch.builder().await.state(inner);
    let events = builder.subscribe("notes", plain).build().await.unwrap();
    let forwarder = events.forward();
    place(&events, "A").await;
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, ["A"]);
    shut_down(forwarder).await;
}

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
    let lease = Duration::from_secs(1);
    let builder = scratch.builder().await.lease(lease);
    let builder = builder.state(Arc::clone(&going)).state(Arc::clone(&begun));
    let events = builder.subscribe("notes", long).build().await.unwrap();
    let forwarder = events.forward();
    place(&events, "A").await;
    begun.notified().await;
    let owner = events.status("notes").await.unwrap().owner;
    // A thief that asks all the time, for more than a lease.
    let (thief, began) = (scratch.store().await, std::time::Instant::now());
    while began.elapsed() < lease * 2 {
        let answer = thief.take_over("notes", "thief", lease).await.unwrap();
        let TakeOver::Held { owner: holder, .. } = answer else { panic!("the lease ran out") };
        assert_eq!(Some(holder), owner);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    going.add_permits(1);
    handled_all(&events, "notes").await;
    shut_down(forwarder).await;
}

#[tokio::test]
async fn shutting_down_lets_the_handler_that_runs_finish() {
    async fn slow(_: &OrderPlaced, State(begun): State<Arc<Notify>>, tx: &mut Tx) {
        begun.notify_one();
        tokio::time::sleep(Duration::from_millis(50)).await;
        add_effect(tx, "finished").await.unwrap();
    }
    let scratch = Scratch::new();
    let begun = Arc::new(Notify::new());
    let builder = scratch.builder().await.state(Arc::clone(&begun));
    let events = builder.subscribe("notes", slow).build().await.unwrap();
    let forwarder = events.forward();
    place_all(&events, &["A", "B", "C"]).await;
    begun.notified().await;
    shut_down(forwarder).await;
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

#[tokio::test]
async fn commits_of_another_store_on_the_file_wake_the_forwarder() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.subscribe("notes", note).build().await.unwrap();
    let forwarder = events.forward();
    let elsewhere = scratch.builder().await.build().await.unwrap();
    for number in 0..20 {
        place(&elsewhere, &number.to_string()).await;
        handled_all(&events, "notes").await;
    }
    assert_eq!(effects(events.store()).await.len(), 20);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_subscription_that_nobody_registered_is_unknown_by_name() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let error = events.status("refunds").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownSubscription);
    assert!(error.to_string().contains("`refunds`"), "{error}");
}
