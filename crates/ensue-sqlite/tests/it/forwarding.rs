//! Durable subscriptions in this process.

use std::time::Duration;

use ensue::store::Page;
use ensue::{
    AnyEvent, BoxError, Error, ErrorKind, Log, Meta, Position, RetryPolicy, Start, State, raise,
};
use ensue_sqlite::{Builder, Events, Tx};

use crate::scratch::{
    OrderCancelled, OrderPlaced, Scratch, add_effect, effects, handled_all, note, place, shut_down,
    until,
};

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
    let log = events.store().entries(Page::new(Position::START, 10)).await.unwrap();
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
async fn commits_of_another_store_on_the_file_wake_the_forwarder() {
    let scratch = Scratch::new();
    // Nobody polls: only what the store notices wakes it.
    let builder = scratch.builder().await.poll(Duration::from_secs(3_600));
    let events = builder.subscribe("notes", note).build().await.unwrap();
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
