//! Entries that leave the process.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ensue::subscription::{FailureClass, SetAsideState};
use ensue::testing::{MemorySink, Scenario};
use ensue::{Builder, Entry, Error, ErrorKind, EventId, Events, Outcome, Position, RetryPolicy};
use ensue::{Handled, raise};

use crate::shop::{OrderPlaced, OrderService, Store, placed, shipped};

const PATIENCE: Duration = Duration::from_secs(600);

fn application(sink: &MemorySink) -> Builder<Store> {
    Events::builder(Store::default()).forward_to("broker", sink.clone())
}

async fn scenario(sink: &MemorySink) -> (Scenario<Store>, OrderService) {
    let scenario = Scenario::of(application(sink)).await.unwrap();
    let orders = OrderService(scenario.events().clone());
    (scenario, orders)
}

/// One unit of work with an order for each of these.
async fn place(events: &Events<Store>, order_nos: impl Iterator<Item = String> + Send) {
    let place = events.run(async |_| {
        order_nos.for_each(|order_no| raise(OrderPlaced { order_no }));
        Ok::<_, Error>(())
    });
    place.await.unwrap();
}

fn numbered(keys: usize, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("A-{}", number % keys))
}

fn positions(received: &[Entry]) -> Vec<u64> {
    received.iter().map(|entry| entry.position.get()).collect()
}

/// The positions of each key, in the order of their first arrival.
fn first_arrivals(received: &[Entry]) -> HashMap<String, Vec<Position>> {
    let (mut known, mut by_key) = (HashSet::new(), HashMap::<_, Vec<_>>::new());
    for Entry { position, envelope, .. } in received {
        if known.insert(envelope.id) {
            by_key.entry(envelope.key.clone().unwrap()).or_default().push(*position);
        }
    }
    by_key
}

fn assert_in_order(received: &[Entry]) {
    for (key, positions) in first_arrivals(received) {
        assert!(positions.is_sorted(), "{key} was sent as {positions:?}");
    }
}

#[tokio::test]
async fn every_entry_is_sent_once_in_the_order_of_its_key() {
    let sink = MemorySink::default();
    let (scenario, _) = scenario(&sink).await;
    place(scenario.events(), numbered(700, 3_000)).await;
    scenario.settle().await.unwrap();
    let received = sink.received();
    assert_eq!(received.len(), 3_000);
    assert_eq!(first_arrivals(&received).values().map(Vec::len).sum::<usize>(), 3_000);
    assert_in_order(&received);
    let status = scenario.events().status("broker").await.unwrap();
    assert_eq!((status.cursor, status.set_aside), (Position::new(3_000), vec![]));
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_set_aside_and_the_others_are_sent() {
    let sink = MemorySink::default();
    let (scenario, _) = scenario(&sink).await;
    place(scenario.events(), numbered(100, 100)).await;
    for position in [1, 50, 100] {
        scenario
            .events()
            .store()
            .make_unreadable(Position::new(position), "`version` is no number");
    }
    scenario.settle().await.unwrap();
    assert_eq!(sink.received().len(), 97);
    let status = scenario.events().status("broker").await.unwrap();
    assert_eq!(status.cursor, Position::new(100));
    assert_eq!(status.set_aside.len(), 3);
    for entry in status.set_aside {
        assert_eq!(entry.state, SetAsideState::Parked);
        assert_eq!(entry.failure.unwrap().class, FailureClass::Unreadable);
    }
}

#[tokio::test]
async fn what_is_refused_is_set_aside_with_its_key_and_sent_again_in_order() {
    let sink = MemorySink::default();
    let (mut scenario, orders) = scenario(&sink).await;
    let refusals = Arc::new(Mutex::new(2));
    sink.answer(move |entry| {
        let mut refusals = refusals.lock().unwrap();
        if entry.position != Position::new(1) || *refusals == 0 {
            return Outcome::Delivered;
        }
        *refusals -= 1;
        Outcome::Unroutable("no queue is bound".into())
    });
    for order_no in ["A-1", "B-1", "A-1"] {
        scenario.when(orders.place(order_no)).await.unwrap();
    }
    scenario.settle().await.unwrap();
    assert_eq!(positions(&sink.received()), [2], "another key is not held up");
    let set_aside = scenario.events().status("broker").await.unwrap().set_aside;
    assert_eq!(set_aside[0].failure.as_ref().unwrap().class, FailureClass::Unroutable);
    assert_eq!(set_aside[1].state, SetAsideState::Queued);

    scenario.eventually(async || sink.received().len() == 3).await.unwrap();
    assert_eq!(positions(&sink.received()), [2, 1, 3]);
    assert_eq!(scenario.events().status("broker").await.unwrap().set_aside, []);
}

#[tokio::test]
async fn what_is_refused_for_good_is_parked_at_once() {
    let sink = MemorySink::default();
    let (mut scenario, orders) = scenario(&sink).await;
    sink.answer(|_| Outcome::Rejected(ensue::permanent("larger than the broker takes").into()));
    scenario.when(orders.place("A-1")).await.unwrap();
    scenario.settle().await.unwrap();
    let set_aside = scenario.events().status("broker").await.unwrap().set_aside;
    assert_eq!(set_aside[0].state, SetAsideState::Parked);
    assert_eq!(set_aside[0].failure.as_ref().unwrap().message, "larger than the broker takes");
}

#[tokio::test]
async fn while_nobody_is_there_entries_wait_and_lose_no_attempt() {
    let sink = MemorySink::default();
    sink.is_away(true);
    let events = application(&sink).build().await.unwrap();
    let forwarder = events.forward();
    place(&events, numbered(50, 200)).await;
    let ticket = events.ticket().await.unwrap();
    let handled = ticket.handled_by("broker", Duration::from_millis(500)).await.unwrap();
    assert_eq!(handled, Handled::TimedOut);
    let status = events.status("broker").await.unwrap();
    assert_eq!((status.cursor, status.set_aside), (Position::START, vec![]));

    sink.is_away(false);
    assert_eq!(ticket.handled_by("broker", PATIENCE).await.unwrap(), Handled::Handled);
    assert_eq!(sink.received().len(), 200);
    assert_in_order(&sink.received());
    assert!(forwarder.shutdown(PATIENCE).await);
}

/// As if the connection were lost each time.
#[tokio::test]
async fn what_nobody_knows_the_outcome_of_is_sent_again_and_stays_in_order() {
    let sink = MemorySink::default();
    let sends = Arc::new(Mutex::new(HashMap::<EventId, u32>::new()));
    sink.answer(move |entry| {
        let mut sends = sends.lock().unwrap();
        let sends = sends.entry(entry.envelope.id).or_default();
        *sends += 1;
        match *sends {
            1 if entry.position.get() % 3 == 0 => Outcome::Unknown("connection reset".into()),
            _ => Outcome::Delivered,
        }
    });
    let events = application(&sink).build().await.unwrap();
    let forwarder = events.forward();
    place(&events, numbered(40, 400)).await;
    let ticket = events.ticket().await.unwrap();
    assert_eq!(ticket.handled_by("broker", PATIENCE).await.unwrap(), Handled::Handled);
    assert_eq!(sink.received().len(), 400);
    assert_in_order(&sink.received());
    assert!(forwarder.shutdown(PATIENCE).await);
}

/// It is found by sending ever fewer together.
#[tokio::test]
async fn an_entry_that_ends_every_session_is_set_aside_alone() {
    let sink = MemorySink::default();
    let fatal = Position::new(37);
    let events = Events::builder(Store::default()).subscription("broker", |subscription| {
        subscription.forward_to(Fragile { fatal, sink: sink.clone() })
    });
    let events = events.build().await.unwrap();
    let forwarder = events.forward();
    place(&events, numbered(100, 100)).await;
    let ticket = events.ticket().await.unwrap();
    assert_eq!(ticket.handled_by("broker", PATIENCE).await.unwrap(), Handled::SetAside);
    let set_aside = events.status("broker").await.unwrap().set_aside;
    assert_eq!(set_aside.iter().map(|entry| entry.position).collect::<Vec<_>>(), [fatal]);
    assert_eq!(set_aside[0].failure.as_ref().unwrap().class, FailureClass::Unconfirmed);
    assert_eq!(first_arrivals(&sink.received()).len(), 99);
    assert!(forwarder.shutdown(PATIENCE).await);
}

/// Loses its connection by one entry, with everything that it was sent together with.
struct Fragile {
    fatal: Position,
    sink: MemorySink,
}

impl ensue::Sink for Fragile {
    async fn send(&self, entries: &[Entry]) -> Result<Vec<Outcome>, ensue::BoxError> {
        if entries.iter().any(|entry| entry.position == self.fatal) {
            return Ok(Vec::new());
        }
        self.sink.send(entries).await
    }
}

#[tokio::test]
async fn a_sink_that_panics_or_never_answers_is_called_again() {
    /// The first call panics, the second one never ends.
    struct Moody(Mutex<u32>, MemorySink);

    impl ensue::Sink for Moody {
        async fn send(&self, entries: &[Entry]) -> Result<Vec<Outcome>, ensue::BoxError> {
            let call = {
                let mut calls = self.0.lock().unwrap();
                *calls += 1;
                *calls
            };
            match call {
                1 => panic!("out of sorts"),
                2 => std::future::pending().await,
                _ => self.1.send(entries).await,
            }
        }
    }

    let sink = MemorySink::default();
    let events = Events::builder(Store::default()).subscription("broker", |subscription| {
        let moody = Moody(Mutex::new(0), sink.clone());
        subscription.forward_to(moody).deadline(Duration::from_millis(100))
    });
    let events = events.build().await.unwrap();
    let forwarder = events.forward();
    place(&events, numbered(20, 20)).await;
    let ticket = events.ticket().await.unwrap();
    assert_eq!(ticket.handled_by("broker", PATIENCE).await.unwrap(), Handled::Handled);
    assert_eq!(sink.received().len(), 20);
    assert!(forwarder.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_replay_sends_the_same_events_again_and_leaves_the_cursor() {
    let sink = MemorySink::default();
    let (mut scenario, orders) = scenario(&sink).await;
    for order_no in ["A-1", "B-1"] {
        scenario.given(orders.place(order_no)).await.unwrap();
    }
    let operator = scenario.events().operate("broker");
    operator.replay(Position::new(1), Position::new(2), "a queue was lost").await.unwrap();
    scenario.eventually(async || sink.received().len() == 4).await.unwrap();
    let received = sink.received();
    let ids: HashSet<_> = received.iter().map(|entry| entry.envelope.id).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(scenario.events().status("broker").await.unwrap().cursor, Position::new(2));
}

#[tokio::test]
async fn only_the_types_that_are_named_are_sent() {
    let sink = MemorySink::default();
    let builder = Events::builder(Store::default()).subscription("broker", |subscription| {
        subscription.forward_to(sink.clone()).only(["order.shipped"])
    });
    let mut scenario = Scenario::of(builder).await.unwrap();
    let events = scenario.events().clone();
    let act = events.run(async |_| {
        raise(placed("A-1"));
        raise(shipped("A-1"));
        raise(placed("A-2"));
        Ok::<_, Error>(())
    });
    scenario.given(act).await.unwrap();
    assert_eq!(positions(&sink.received()), [2]);
    let cursor = events.status("broker").await.unwrap().cursor;
    assert_eq!(cursor, Position::new(3), "what passes it by is passed");
}

/// As while a newer program is being rolled out.
#[tokio::test]
async fn what_only_another_program_sends_waits_for_it_and_is_never_passed_by() {
    let sink = MemorySink::default();
    let store = Store::default();
    let program = async |types: &[&str]| {
        let builder = Events::builder(store.clone()).subscription("broker", |subscription| {
            subscription.forward_to(sink.clone()).only(types.iter().copied())
        });
        Scenario::of(builder).await.unwrap()
    };
    let older = program(&["order.placed"]).await;
    let newer = program(&["order.placed", "order.shipped"]).await;
    let act = newer.events().run(async |_| {
        raise(shipped("A-1"));
        raise(placed("A-2"));
        Ok::<_, Error>(())
    });
    act.await.unwrap();
    older.settle().await.unwrap();
    assert_eq!(positions(&sink.received()), [2]);
    let set_aside = older.events().status("broker").await.unwrap().set_aside;
    assert_eq!(set_aside[0].failure.as_ref().unwrap().class, FailureClass::UnknownType);
    newer.eventually(async || sink.received().len() == 2).await.unwrap();
    assert_eq!(positions(&sink.received()), [2, 1]);
}

#[tokio::test]
async fn a_sink_beside_what_it_does_not_go_with_is_refused_by_name() {
    let sink = MemorySink::default;
    let refusal = async |describe: fn(ensue::SubscriptionBuilder<Store>, MemorySink) -> _| {
        let builder = Events::builder(Store::default());
        let built = builder.subscription("broker", |it| describe(it, sink())).build().await;
        let error = built.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        error.to_string()
    };
    let both = refusal(|it, sink| it.forward_to(sink).on(|_: &OrderPlaced| ())).await;
    assert!(both.contains("`broker` has a sink and a handler"), "{both}");
    let twice = refusal(|it, sink| it.forward_to(sink.clone()).forward_to(sink)).await;
    assert!(twice.contains("`broker` has two sinks"), "{twice}");
    let lanes = refusal(|it, sink| it.forward_to(sink).lanes(4)).await;
    assert!(lanes.contains("`broker` has a sink and lanes"), "{lanes}");
    let only = refusal(|it, _| it.on(|_: &OrderPlaced| ()).only(["order.placed"])).await;
    assert!(only.contains("`broker` names what alone it sends"), "{only}");
    let nothing = refusal(|it, _| it.retry(RetryPolicy::default())).await;
    assert!(nothing.contains("`broker` has neither a handler nor a sink"), "{nothing}");
}
