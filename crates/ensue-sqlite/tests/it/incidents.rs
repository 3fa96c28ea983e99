//! What has gone wrong in other systems, and must not here: `docs/incidents.md` has all of them, and
//! where the other tests are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ensue::subscription::{FailureClass, SetAside, SetAsideState, Which};
use ensue::{BoxError, Error, Meta, Position, RetryPolicy, State, permanent, raise};
use ensue_sqlite::{Events, Tx};
use tokio::sync::Notify;

use crate::scratch::{
    Notes, OrderPlaced, PATIENCE, Scratch, add_effect, cancelled, eager, effects, handled_all,
    note, place, place_all, restock, shut_down, until,
};

async fn set_aside(events: &Events) -> Vec<SetAside> {
    events.status("notes").await.unwrap().set_aside
}

#[tokio::test]
async fn a_cursor_that_passed_misses_alone_is_where_it_was_after_a_restart() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.subscribe("notes", note).build().await.unwrap();
    let forwarder = events.forward();
    let run = events.run(async |_tx| {
        (0..3).for_each(|number: u32| raise(cancelled(&number.to_string())));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    handled_all(&events, "notes").await;
    shut_down(forwarder).await;
    let restarted = scratch.builder().await.subscribe("notes", note).build().await.unwrap();
    assert_eq!(restarted.status("notes").await.unwrap().cursor, Position::new(3));
}

/// Refused for good at first; then, when it is tried again, in the middle of its work until the
/// process ends; then handled.
#[tokio::test]
async fn a_parked_entry_that_is_tried_again_moves_no_cursor_and_survives_a_crash_in_its_middle() {
    let (scratch, begun) = (Scratch::new(), Arc::new(Notify::new()));
    let lease = Duration::from_secs(1);
    let was_called = Arc::<AtomicBool>::default();
    let (again, telling) = (Arc::clone(&was_called), Arc::clone(&begun));
    let refuse = async move |event: &OrderPlaced, tx: &mut Tx| -> Result<(), BoxError> {
        add_effect(tx, &event.order_no).await?;
        if event.order_no == "A" && again.swap(true, Ordering::SeqCst) {
            telling.notify_one();
            std::future::pending::<()>().await;
        }
        match event.order_no.as_str() {
            "A" => Err(permanent("no such card").into()),
            _ => Ok(()),
        }
    };
    let builder = scratch.builder().await.lease(lease);
    let events = builder.subscribe("notes", refuse).build().await.unwrap();
    let forwarder = events.forward();
    place_all(&events, &["A", "B", "C"]).await;
    let cursor = async || events.status("notes").await.unwrap().cursor;
    let parked = async || set_aside(&events).await.iter().any(|entry| entry.state == PARKED);
    until(async || cursor().await == Position::new(3) && parked().await).await;
    events.operate("notes").retry(Which::Key("A".to_owned()), "new card").await.unwrap();
    begun.notified().await;
    assert!(!forwarder.shutdown(Duration::ZERO).await);
    assert_eq!((cursor().await, set_aside(&events).await.len()), (Position::new(3), 1));

    let events = scratch.builder().await.lease(lease).subscribe("notes", note);
    let events = events.build().await.unwrap();
    let forwarder = events.forward();
    handled_all(&events, "notes").await;
    assert_eq!(events.status("notes").await.unwrap().cursor, Position::new(3));
    assert_eq!(effects(events.store()).await, ["B", "C", "A"]);
    shut_down(forwarder).await;
}

const PARKED: SetAsideState = SetAsideState::Parked;

async fn fail_three_times(
    event: &OrderPlaced,
    meta: Meta,
    State(attempts): State<Notes>,
) -> Result<(), BoxError> {
    attempts.add(format!("{} {}", event.order_no, meta.attempt));
    if meta.attempt <= 3 { Err("not yet".into()) } else { Ok(()) }
}

#[tokio::test]
async fn what_failed_is_tried_again_by_one_of_several_forwarders() {
    let (scratch, attempts) = (Scratch::new(), Notes::default());
    let mut running = Vec::new();
    for _ in 0..3 {
        let builder = scratch.builder().await.state(attempts.clone());
        let builder = builder.subscription("notes", |s| s.on(fail_three_times).retry(eager()));
        let events = builder.build().await.unwrap();
        running.push((events.forward(), events));
    }
    place_all(&running[0].1, &["A", "B", "C"]).await;
    handled_all(&running[0].1, "notes").await;
    for (forwarder, _) in running {
        shut_down(forwarder).await;
    }
    let mut attempts = attempts.all();
    attempts.sort();
    let expected = ["A", "B", "C"].map(|order_no| (1..=4).map(move |n| format!("{order_no} {n}")));
    assert_eq!(attempts, expected.into_iter().flatten().collect::<Vec<_>>());
}

/// A deadline longer than any attempt takes, on any machine.
const DEADLINE: Duration = Duration::from_secs(60);

async fn fail_once(_: &OrderPlaced, meta: Meta) -> Result<(), BoxError> {
    if meta.attempt == 1 { Err("not yet".into()) } else { Ok(()) }
}

#[tokio::test]
async fn each_attempt_has_the_whole_deadline_however_old_the_entry_is() {
    let scratch = Scratch::new();
    let policy = eager().attempts(2);
    let builder = scratch.builder().await;
    let builder = builder.subscription("notes", |subscription| {
        subscription.on(fail_once).deadline(DEADLINE).retry(policy)
    });
    let events = builder.build().await.unwrap();
    place(&events, "A").await;
    // The entry waited an hour for its first attempt.
    let age = "UPDATE ensue_log SET occurred_at_us = occurred_at_us - 3600000000,
        recorded_at_us = recorded_at_us - 3600000000";
    let aging = events.run(async |tx| {
        sqlx::raw_sql(age).execute(&mut **tx).await?;
        Ok::<_, BoxError>(())
    });
    aging.await.unwrap();
    let forwarder = events.forward();
    handled_all(&events, "notes").await;
    shut_down(forwarder).await;
}

/// Which program handles an entry does not matter, and what its handler is called even less; but
/// somebody has to.
#[tokio::test]
async fn an_entry_whose_handler_is_gone_is_parked_by_name_until_somebody_handles_it_again() {
    let scratch = Scratch::new();
    let always = async |_: &OrderPlaced| Err::<(), _>("down");
    let never = Duration::from_secs(3_600);
    let policy = RetryPolicy::default().backoff(never, never);
    let builder = scratch.builder().await;
    let builder = builder.subscription("notes", |s| s.on(always).retry(policy));
    let events = builder.build().await.unwrap();
    let forwarder = events.forward();
    place(&events, "A").await;
    until(async || set_aside(&events).await.len() == 1).await;
    shut_down(forwarder).await;

    let once = RetryPolicy::default().attempts(1);
    let builder = scratch.builder().await;
    let builder = builder.subscription("notes", |s| s.on(restock).retry(once));
    let events = builder.build().await.unwrap();
    let forwarder = events.forward();
    retry_all(&events).await;
    until(async || set_aside(&events).await[0].state == PARKED).await;
    shut_down(forwarder).await;
    let failure = set_aside(&events).await[0].failure.clone().unwrap();
    assert_eq!(failure.class, FailureClass::UnknownType);
    assert!(failure.message.contains("no handler for event `order.placed`"), "{failure:?}");

    let events = scratch.builder().await.subscribe("notes", note).build().await.unwrap();
    let forwarder = events.forward();
    retry_all(&events).await;
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, ["A"]);
    shut_down(forwarder).await;
}

async fn retry_all(events: &Events) {
    let asked = events.operate("notes").retry(Which::Key("A".to_owned()), "a new build").await;
    asked.unwrap().answered(PATIENCE).await.unwrap();
}
