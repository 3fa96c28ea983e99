//! Handling a range once more, whatever goes on meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ensue::subscription::{Answer, SetAsideState, Which};
use ensue::{BoxError, Meta, Position, State, permanent};
use ensue_sqlite::{Builder, Events, Tx};

use crate::scratch::{
    Notes, OrderPlaced, PATIENCE, Scratch, add_effect, effects, handled_all, place_all, shut_down,
    until,
};

#[derive(Clone, Default)]
struct Gateway(Arc<AtomicBool>);

impl Gateway {
    fn is_down(&self, down: bool) {
        self.0.store(down, Ordering::Relaxed);
    }
}

/// Says whether it is a replay, and which attempt; fails for good while the gateway is down.
async fn note(
    event: &OrderPlaced,
    State(gateway): State<Gateway>,
    meta: Meta,
    tx: &mut Tx,
) -> Result<(), BoxError> {
    if gateway.0.load(Ordering::Relaxed) {
        return Err(permanent("the gateway is down").into());
    }
    let again = if meta.is_replay { " again" } else { "" };
    Ok(add_effect(tx, &format!("{}{again}", event.order_no)).await?)
}

async fn application(scratch: &Scratch, gateway: &Gateway) -> Events {
    let subscribed = |builder: Builder| builder.subscribe("notes", note);
    subscribed(scratch.builder().await.state(gateway.clone())).build().await.unwrap()
}

async fn replay(events: &Events, first: u64, last: u64) -> Option<Answer> {
    let operator = events.operate("notes");
    let (first, last) = (Position::new(first), Position::new(last));
    let replay = operator.replay(first, last, "anna: the table was dropped").await.unwrap();
    replay.answered(PATIENCE).await.unwrap()
}

#[tokio::test]
async fn a_range_is_handled_once_more_and_the_cursor_stays_where_it_is() {
    let scratch = Scratch::new();
    let events = application(&scratch, &Gateway::default()).await;
    let forwarder = events.forward();
    place_all(&events, &["A", "B", "A", "C"]).await;
    handled_all(&events, "notes").await;
    assert_eq!(replay(&events, 2, 3).await, Some(Answer::Done { changed: 2 }));
    assert_eq!(effects(events.store()).await, ["A", "B", "A", "C", "B again", "A again"]);
    let status = events.status("notes").await.unwrap();
    assert_eq!((status.cursor, status.set_aside.len()), (Position::new(4), 0));
    // And what comes next is new.
    place_all(&events, &["D"]).await;
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await[6..], ["D"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_long_replay_goes_page_by_page_in_the_order_of_each_key_while_others_flow() {
    let scratch = Scratch::new();
    let events = application(&scratch, &Gateway::default()).await;
    let forwarder = events.forward();
    let orders: Vec<_> = (0..1_100).map(|number| (number % 7).to_string()).collect();
    place_all(&events, &orders.iter().map(String::as_str).collect::<Vec<_>>()).await;
    handled_all(&events, "notes").await;
    let replaying = replay(&events, 1, 1_100);
    let placing = async {
        for _ in 0..50 {
            place_all(&events, &["fresh"]).await;
        }
    };
    let (answer, ()) = tokio::join!(replaying, placing);
    assert_eq!(answer, Some(Answer::Done { changed: 1_100 }));
    handled_all(&events, "notes").await;
    let effects = effects(events.store()).await;
    let of = |name: &str| effects.iter().filter(|effect| *effect == name).count();
    assert_eq!(of("fresh"), 50);
    for (key, expected) in (0..7).map(|key| (key, (1_100_usize - key).div_ceil(7))) {
        assert_eq!(of(&format!("{key} again")), expected, "of key {key}");
    }
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_replay_that_a_shutdown_interrupts_goes_on_under_the_next_owner_and_doubles_nothing() {
    let scratch = Scratch::new();
    let events = application(&scratch, &Gateway::default()).await;
    let forwarder = events.forward();
    let orders: Vec<_> = (0..1_200).map(|number| number.to_string()).collect();
    place_all(&events, &orders.iter().map(String::as_str).collect::<Vec<_>>()).await;
    handled_all(&events, "notes").await;
    let operator = events.operate("notes");
    let replay = operator.replay(Position::new(1), Position::new(1_200), "anna").await.unwrap();
    until(async || effects(events.store()).await.len() > 1_220).await;
    shut_down(forwarder).await;
    assert_eq!(replay.answered(std::time::Duration::ZERO).await.unwrap(), None);

    let elsewhere = application(&scratch, &Gateway::default()).await;
    let forwarder = elsewhere.forward();
    let done = Some(Answer::Done { changed: 1_200 });
    assert_eq!(replay.answered(PATIENCE).await.unwrap(), done);
    let mut effects = effects(events.store()).await;
    assert_eq!(effects.len(), 2_400);
    effects.sort();
    effects.dedup();
    assert_eq!(effects.len(), 2_400);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_replay_that_fails_is_parked_and_counts_neither_as_unhandled_nor_as_late() {
    let scratch = Scratch::new();
    let gateway = Gateway::default();
    let events = application(&scratch, &gateway).await;
    let forwarder = events.forward();
    place_all(&events, &["A", "B"]).await;
    handled_all(&events, "notes").await;
    gateway.is_down(true);
    assert_eq!(replay(&events, 1, 2).await, Some(Answer::Done { changed: 2 }));
    let status = events.status("notes").await.unwrap();
    assert!(status.set_aside.iter().all(|entry| entry.is_replay));
    assert!(status.set_aside.iter().all(|entry| entry.state == SetAsideState::Parked));
    assert!(status.has_handled(Position::new(2)), "each was handled before");

    gateway.is_down(false);
    let operator = events.operate("notes");
    let parked = Which::Parked { class: None, at_most: 10 };
    let retry = operator.retry(parked, "anna: it is back").await.unwrap();
    assert_eq!(retry.answered(PATIENCE).await.unwrap(), Some(Answer::Done { changed: 2 }));
    until(async || effects(events.store()).await.len() == 4).await;
    assert_eq!(effects(events.store()).await[2..], ["A again", "B again"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn what_is_parked_in_the_range_is_tried_as_what_it_is_and_its_key_goes_on() {
    let scratch = Scratch::new();
    let gateway = Gateway::default();
    gateway.is_down(true);
    let events = application(&scratch, &gateway).await;
    let forwarder = events.forward();
    place_all(&events, &["A", "A"]).await;
    until(async || events.status("notes").await.unwrap().set_aside.len() == 2).await;
    gateway.is_down(false);
    assert_eq!(replay(&events, 1, 2).await, Some(Answer::Done { changed: 1 }));
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, ["A", "A"]);
    assert_eq!(events.status("notes").await.unwrap().cursor, Position::new(2));
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_range_that_was_not_handled_yet_is_refused() {
    let scratch = Scratch::new();
    let events = application(&scratch, &Gateway::default()).await;
    let forwarder = events.forward();
    place_all(&events, &["A"]).await;
    handled_all(&events, "notes").await;
    let refused = |why: &str| Some(Answer::Refused { why: why.to_owned() });
    let beyond = "it has handled entries up to 1, and not up to 2";
    assert_eq!(replay(&events, 1, 2).await, refused(beyond));
    assert_eq!(replay(&events, 0, 1).await, refused("there are no positions from 0 to 1"));
    assert_eq!(replay(&events, 3, 1).await, refused("there are no positions from 3 to 1"));
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_replay_of_what_was_pruned_is_refused_and_the_subscription_goes_on() {
    let scratch = Scratch::new();
    let events = application(&scratch, &Gateway::default()).await;
    let forwarder = events.forward();
    place_all(&events, &["A", "B", "C"]).await;
    handled_all(&events, "notes").await;
    until(async || events.prune(Position::new(2)).await.unwrap().oldest == Position::new(3)).await;
    let why = "entries before 3 are not in the log any more".to_owned();
    assert_eq!(replay(&events, 1, 3).await, Some(Answer::Refused { why }));
    assert_eq!(replay(&events, 3, 3).await, Some(Answer::Done { changed: 1 }));
    place_all(&events, &["D"]).await;
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, ["A", "B", "C", "C again", "D"]);
    let plan = events.operate("notes").plan_seek(Position::START).await.unwrap();
    assert_eq!(plan.handled_again, 2, "what is left of it");
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_seek_can_be_looked_at_before_it_is_asked_for() {
    async fn pass(_: &OrderPlaced, State(notes): State<Notes>) {
        notes.add("passed");
    }
    let scratch = Scratch::new();
    let gateway = Gateway::default();
    let builder = scratch.builder().await.state(gateway.clone()).state(Notes::default());
    let builder = builder.subscribe("notes", note).subscribe("others", pass);
    let events = builder.build().await.unwrap();
    let forwarder = events.forward();
    place_all(&events, &["A", "B"]).await;
    handled_all(&events, "notes").await;
    gateway.is_down(true);
    place_all(&events, &["C", "D"]).await;
    until(async || events.status("notes").await.unwrap().set_aside.len() == 2).await;
    let operator = events.operate("notes");
    operator.pause("anna: to look").await.unwrap().answered(PATIENCE).await.unwrap();
    place_all(&events, &["E"]).await;
    let back = operator.plan_seek(Position::new(1)).await.unwrap();
    assert_eq!((back.from, back.to), (Position::new(4), Position::new(1)));
    assert_eq!((back.handled_again, back.passed_over, back.set_aside_dropped), (3, 0, 2));
    let forth = operator.plan_seek(Position::new(5)).await.unwrap();
    assert_eq!((forth.handled_again, forth.passed_over, forth.set_aside_dropped), (0, 1, 0));
    assert_eq!(events.status("notes").await.unwrap().cursor, Position::new(4));
    shut_down(forwarder).await;
}
