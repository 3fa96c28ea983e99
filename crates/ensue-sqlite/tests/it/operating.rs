//! What operators ask for is done by the owner, and answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ensue::subscription::{Answer, FailureClass, SetAsideState, Which};
use ensue::{BoxError, ErrorKind, Log, Position, RetryPolicy, permanent};
use ensue_sqlite::{Builder, Events, Tx};

use crate::scratch::{
    OrderPlaced, PATIENCE, Scratch, add_effect, effects, handled_all, place, place_all, shut_down,
    until,
};

/// A subscription whose handler refuses order "A" until it is repaired.
struct Shop {
    events: Events,
    is_repaired: Arc<AtomicBool>,
    scratch: Scratch,
}

impl Shop {
    async fn new() -> Self {
        let scratch = Scratch::new();
        let is_repaired = Arc::<AtomicBool>::default();
        let events = subscribed(scratch.builder().await, &is_repaired).build().await.unwrap();
        Self { events, is_repaired, scratch }
    }

    async fn status_of(&self, position: u64) -> Option<SetAsideState> {
        let set_aside = self.events.status("notes").await.unwrap().set_aside;
        let entry = set_aside.into_iter().find(|entry| entry.position.get() == position)?;
        Some(entry.state)
    }

    async fn has_parked(&self, position: u64) {
        until(async || self.status_of(position).await == Some(SetAsideState::Parked)).await;
    }
}

fn subscribed(builder: Builder, is_repaired: &Arc<AtomicBool>) -> Builder {
    let repaired = Arc::clone(is_repaired);
    let note = async move |event: &OrderPlaced, tx: &mut Tx| {
        if event.order_no == "A" && !repaired.load(Ordering::Relaxed) {
            return Err::<(), BoxError>(permanent("no such card").into());
        }
        Ok(add_effect(tx, &event.order_no).await?)
    };
    builder.subscription("notes", |s| s.on(note).retry(RetryPolicy::default().attempts(9)))
}

#[tokio::test]
async fn a_parked_entry_is_repaired_and_retried_and_its_key_goes_on() {
    let shop = Shop::new().await;
    let forwarder = shop.events.forward();
    place_all(&shop.events, &["A", "B", "A"]).await;
    shop.has_parked(1).await;
    let operator = shop.events.operate("notes");
    let failure = operator.status().await.unwrap().set_aside[0].failure.clone().unwrap();
    assert_eq!(failure.class, FailureClass::Handler);
    assert!(failure.message.contains("no such card"), "{}", failure.message);

    shop.is_repaired.store(true, Ordering::Relaxed);
    let retry = operator.retry(Which::Key("A".to_owned()), "anna: new card").await.unwrap();
    let answer = retry.answered(PATIENCE).await.unwrap();
    assert_eq!(answer, Some(Answer::Done { changed: 1 }));
    handled_all(&shop.events, "notes").await;
    assert_eq!(effects(shop.events.store()).await, ["B", "A", "A"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_skipped_entry_has_no_effect_and_lets_its_key_go_on() {
    let shop = Shop::new().await;
    let forwarder = shop.events.forward();
    place_all(&shop.events, &["A", "A", "B"]).await;
    shop.has_parked(1).await;
    shop.is_repaired.store(true, Ordering::Relaxed);
    let operator = shop.events.operate("notes");
    let skip = operator.skip(Which::Entry(Position::new(1)), "anna: test order").await.unwrap();
    assert_eq!(skip.answered(PATIENCE).await.unwrap(), Some(Answer::Done { changed: 1 }));
    handled_all(&shop.events, "notes").await;
    let mut effects = effects(shop.events.store()).await;
    effects.sort();
    assert_eq!(effects, ["A", "B"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_paused_subscription_begins_nothing_under_any_owner_until_it_is_resumed() {
    let shop = Shop::new().await;
    let forwarder = shop.events.forward();
    let operator = shop.events.operate("notes");
    let pause = operator.pause("anna: the warehouse moves").await.unwrap();
    pause.answered(PATIENCE).await.unwrap().expect("an answer");
    shut_down(forwarder).await;

    let forwarder = shop.events.forward();
    place(&shop.events, "B").await;
    until(async || operator.status().await.unwrap().owner.is_some()).await;
    let status = operator.status().await.unwrap();
    assert_eq!(status.paused.as_deref(), Some("anna: the warehouse moves"));
    assert_eq!(status.cursor, Position::START);

    operator.resume("anna: moved").await.unwrap().answered(PATIENCE).await.unwrap();
    handled_all(&shop.events, "notes").await;
    assert_eq!(effects(shop.events.store()).await, ["B"]);
    assert_eq!(operator.status().await.unwrap().paused, None);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn after_a_seek_back_everything_is_handled_once_more() {
    let shop = Shop::new().await;
    let forwarder = shop.events.forward();
    place_all(&shop.events, &["B", "C"]).await;
    handled_all(&shop.events, "notes").await;
    let operator = shop.events.operate("notes");
    let seek = operator.seek(Position::new(1), "anna: C was deleted by hand").await.unwrap();
    assert_eq!(seek.answered(PATIENCE).await.unwrap(), Some(Answer::Done { changed: 1 }));
    until(async || effects(shop.events.store()).await.len() == 3).await;
    assert_eq!(effects(shop.events.store()).await, ["B", "C", "C"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_and_says_why() {
    let shop = Shop::new().await;
    let forwarder = shop.events.forward();
    let operator = shop.events.operate("notes");
    let skip = operator.skip(Which::Entry(Position::new(7)), "a slip").await.unwrap();
    let why = "entry 7 is not set aside".to_owned();
    assert_eq!(skip.answered(PATIENCE).await.unwrap(), Some(Answer::Refused { why }));
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_subscription_that_nobody_knows_cannot_be_operated() {
    let shop = Shop::new().await;
    let refused = shop.events.operate("nots").pause("a slip").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::UnknownSubscription);
}

#[tokio::test]
async fn what_nobody_runs_is_operated_by_the_next_owner() {
    let shop = Shop::new().await;
    place_all(&shop.events, &["A", "A"]).await;
    let forwarder = shop.events.forward();
    shop.has_parked(1).await;
    shut_down(forwarder).await;
    let operator = shop.events.operate("notes");
    let retry = Which::Parked { class: Some(FailureClass::Handler), at_most: u64::MAX };
    let retry = operator.retry(retry, "anna: the gateway is back").await.unwrap();
    assert_eq!(retry.answered(Duration::ZERO).await.unwrap(), None);

    shop.is_repaired.store(true, Ordering::Relaxed);
    let forwarder = shop.events.forward();
    assert!(retry.answered(PATIENCE).await.unwrap().is_some());
    handled_all(&shop.events, "notes").await;
    assert_eq!(effects(shop.events.store()).await, ["A", "A"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn what_another_process_asks_for_is_done() {
    let shop = Shop::new().await;
    let forwarder = shop.events.forward();
    place(&shop.events, "A").await;
    shop.has_parked(1).await;
    // Another store on the file knows nothing of the first.
    let elsewhere = Events::builder(shop.scratch.store().await).build().await.unwrap();
    let operator = elsewhere.operate("notes");
    let skip = operator.skip(Which::Key("A".to_owned()), "ben: test order").await.unwrap();
    assert_eq!(skip.answered(PATIENCE).await.unwrap(), Some(Answer::Done { changed: 1 }));
    assert!(shop.events.status("notes").await.unwrap().set_aside.is_empty());
    assert_eq!(shop.events.store().head().await.unwrap(), Position::new(1));
    shut_down(forwarder).await;
}

/// The request waits for a process that can do it.
#[tokio::test]
async fn who_asks_for_something_that_no_process_does_is_told_so() {
    let scratch = Scratch::new();
    let builder = scratch.builder().await.lease(Duration::from_millis(100));
    let events = subscribed(builder, &Arc::default()).build().await.unwrap();
    let pause = events.operate("notes").pause("anna: the gateway moves").await.unwrap();
    let error = pause.answered(PATIENCE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotRun);
    let forwarder = events.forward();
    let answer = loop {
        // On a busy machine the lease may have expired once.
        match pause.answered(PATIENCE).await {
            Ok(answer) => break answer,
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotRun),
        }
    };
    assert_eq!(answer, Some(Answer::Done { changed: 1 }));
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_subscription_that_is_gone_from_the_code_is_retired_and_its_name_taken_on_purpose() {
    let shop = Shop::new().await;
    let forwarder = shop.events.forward();
    place_all(&shop.events, &["A", "B"]).await;
    shop.has_parked(1).await;
    let error = shop.events.operate("notes").retire("anna: gone").await.unwrap_err();
    assert!(error.to_string().contains("runs it"), "{error}");

    let without = shop.scratch.builder().await.build().await.unwrap();
    let error = without.operate("notes").retire("anna: gone").await.unwrap_err();
    assert!(error.to_string().contains("runs it"), "{error}");
    shut_down(forwarder).await;
    let kept = without.operate("notes").retire("anna: gone").await.unwrap();
    assert_eq!(kept.iter().map(|entry| entry.position.get()).collect::<Vec<_>>(), [1]);
    let verification = without.verify().await.unwrap();
    let pruned = without.prune(Position::new(2)).await.unwrap();
    assert_eq!((pruned.oldest.get(), pruned.held_by), (3, None));
    let error = without.operate("notes").resume("anna: after all").await.unwrap_err();
    assert!(error.to_string().contains("was retired"), "{error}");
    assert!(verification.is_sound() && without.verify().await.unwrap().is_sound());

    let again = subscribed(shop.scratch.builder().await, &shop.is_repaired).build().await;
    assert!(again.unwrap_err().to_string().contains("revive"));
    let builder = shop.scratch.builder().await;
    let revived = builder.subscription("notes", |s| s.on(async |_: &OrderPlaced| {}).revive());
    let events = revived.build().await.unwrap();
    assert_eq!(events.status("notes").await.unwrap().set_aside, kept);
}
