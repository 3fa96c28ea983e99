//! Given, when, then, eventually.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ensue::testing::{MemoryQueue, Scenario};
use ensue::{
    Builder, ErrorKind, Event, Events, Listener, Log, Meta, Position, RetryPolicy, State, raise,
    store::Page,
};
use futures_util::FutureExt;

use crate::shop::{
    OrderPlaced, OrderService, OrderShipped, OrderState, Store, Tx, placed, shipped,
};

/// A carrier that refuses some orders, and remembers in which order it took the others.
#[derive(Clone, Default)]
struct Carrier(Arc<Mutex<Van>>);

#[derive(Default)]
struct Van {
    refused: HashSet<String>,
    loaded: Vec<String>,
}

impl Carrier {
    fn refuse(&self, order_no: &str) {
        self.0.lock().unwrap().refused.insert(order_no.to_owned());
    }

    fn accept(&self, order_no: &str) {
        self.0.lock().unwrap().refused.remove(order_no);
    }

    fn load(&self, order_no: &str) -> Result<(), String> {
        let Van { refused, loaded } = &mut *self.0.lock().unwrap();
        match refused.contains(order_no) {
            true => Err(format!("{order_no} does not fit into the van")),
            false => {
                loaded.push(order_no.to_owned());
                Ok(())
            }
        }
    }

    fn loaded(&self) -> Vec<String> {
        self.0.lock().unwrap().loaded.clone()
    }
}

async fn ship(
    event: &OrderPlaced,
    State(carrier): State<Carrier>,
    tx: &mut Tx,
) -> Result<(), String> {
    carrier.load(&event.order_no)?;
    tx.insert(event.order_no.clone(), OrderState::Shipped);
    raise(shipped(&event.order_no));
    Ok(())
}

fn application(carrier: &Carrier) -> Builder<Store> {
    Events::builder(Store::default()).state(carrier.clone()).subscribe("shipping", ship)
}

async fn scenario(carrier: &Carrier) -> (Scenario<Store>, OrderService) {
    let scenario = Scenario::of(application(carrier)).await.unwrap();
    let orders = OrderService(scenario.events().clone());
    (scenario, orders)
}

#[tokio::test]
async fn what_was_given_is_past_and_what_is_tested_is_shown() {
    let carrier = Carrier::default();
    let (mut scenario, orders) = scenario(&carrier).await;
    scenario.given(orders.place("A-1")).await.unwrap();
    assert_eq!(carrier.loaded(), ["A-1"]);
    assert_eq!(scenario.raised::<OrderPlaced>().await.unwrap(), []);

    scenario.when(orders.place("A-2")).await.unwrap();
    assert_eq!(scenario.raised::<OrderPlaced>().await.unwrap(), [placed("A-2")]);
    assert_eq!(carrier.loaded(), ["A-1"], "nothing ensues durably before the test says so");

    scenario.settle().await.unwrap();
    assert_eq!(scenario.raised::<OrderShipped>().await.unwrap(), [shipped("A-2")]);
    assert_eq!(scenario.log().await.unwrap().len(), 2);
    assert_eq!(scenario.events().store().state()["A-2"], OrderState::Shipped);
}

#[tokio::test]
async fn whatever_ensues_from_what_ensues_has_ensued_too() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (after_commit, durably) = (Arc::clone(&seen), Arc::clone(&seen));
    let builder = application(&Carrier::default())
        .after_commit(move |_: &OrderShipped| after_commit.lock().unwrap().push("mail"))
        // Added after the one whose events it handles, and before in the alphabet.
        .subscribe("accounts", move |_: &OrderShipped| durably.lock().unwrap().push("invoice"));
    let mut scenario = Scenario::of(builder).await.unwrap();
    let orders = OrderService(scenario.events().clone());
    scenario.given(orders.place("A-1")).await.unwrap();
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert_eq!(seen, ["invoice", "mail"]);
}

#[tokio::test]
async fn what_failed_is_tried_again_when_its_time_has_come_and_not_before() {
    let carrier = Carrier::default();
    let (mut scenario, orders) = scenario(&carrier).await;
    carrier.refuse("A-1");
    scenario.when(orders.place("A-1")).await.unwrap();
    scenario.settle().await.unwrap();
    carrier.accept("A-1");
    let due = scenario.events().status("shipping").await.unwrap().set_aside[0].state;
    let due = due.next_attempt_at().unwrap();

    let early = due.since(scenario.clock().now()).saturating_sub(Duration::from_micros(1));
    scenario.clock().advance(early);
    scenario.settle().await.unwrap();
    assert!(carrier.loaded().is_empty() || early.is_zero());

    scenario.clock().set(due);
    scenario.settle().await.unwrap();
    assert_eq!(carrier.loaded(), ["A-1"]);
}

#[tokio::test]
async fn eventually_lets_as_much_time_pass_as_it_takes() {
    let carrier = Carrier::default();
    let (mut scenario, orders) = scenario(&carrier).await;
    carrier.refuse("A-1");
    scenario.when(orders.place("A-1")).await.unwrap();
    scenario.when(orders.place("B-1")).await.unwrap();

    let at_once = scenario.eventually(async || carrier.loaded() == ["B-1"]).await.unwrap();
    assert_eq!(at_once, Duration::ZERO, "one key holds up nobody else");

    let (clock, began_at) = (scenario.clock().clone(), scenario.clock().now());
    let repaired = async || {
        if clock.now().since(began_at) > Duration::from_secs(60) {
            carrier.accept("A-1");
        }
        carrier.loaded() == ["B-1", "A-1"]
    };
    let took = scenario.eventually(repaired).await.unwrap();
    assert!(took > Duration::from_secs(60), "{took:?}");
    assert!(took < Duration::from_secs(20 * 60), "{took:?}");
}

#[tokio::test]
async fn what_never_comes_to_be_is_answered_with_where_everything_stands() {
    let carrier = Carrier::default();
    let (mut scenario, orders) = scenario(&carrier).await;
    carrier.refuse("A-1");
    scenario.when(orders.place("A-1")).await.unwrap();
    let waiting = scenario.eventually(async || carrier.loaded() == ["A-1"]);
    let panic = AssertUnwindSafe(waiting).catch_unwind().await.unwrap_err();
    assert_eq!(
        *panic.downcast::<String>().unwrap(),
        "nothing more ensues, and it is not so:\n  \
         shipping: handled up to 1\n    \
         1 parked: handler `it::scenario::ship` failed on event `order.placed`: \
         A-1 does not fit into the van"
    );
    let parked = scenario.events().status("shipping").await.unwrap().set_aside;
    assert_eq!(parked[0].attempts, 12);
}

#[tokio::test]
async fn events_occur_in_virtual_time() {
    let carrier = Carrier::default();
    let (mut scenario, orders) = scenario(&carrier).await;
    scenario.clock().advance(Duration::from_secs(3_600));
    scenario.when(orders.place("A-1")).await.unwrap();
    let occurred_at = scenario.log().await.unwrap()[0].envelope.occurred_at;
    assert_eq!(occurred_at, scenario.clock().now());
}

#[tokio::test]
async fn a_running_forwarder_is_not_run_over() {
    let carrier = Carrier::default();
    let (mut scenario, orders) = scenario(&carrier).await;
    let forwarder = scenario.events().forward();
    orders.place("A-1").await.unwrap();
    let ticket = scenario.events().ticket().await.unwrap();
    ticket.handled_by("shipping", Duration::from_secs(60)).await.unwrap();

    let refused = scenario.settle().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Configuration);
    assert!(refused.to_string().contains("shut the forwarder down"), "{refused}");

    assert!(forwarder.shutdown(Duration::from_secs(60)).await);
    scenario.given(orders.place("A-2")).await.unwrap();
    assert_eq!(carrier.loaded(), ["A-1", "A-2"]);
}

#[derive(Event)]
#[event(local)]
struct Noticed;

#[tokio::test]
async fn a_handler_that_panics_fails_and_is_tried_again() {
    let attempts = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&attempts);
    let stumble = move |_: &OrderPlaced, meta: Meta| {
        *counted.lock().unwrap() = meta.attempt;
        raise(Noticed);
        assert!(meta.attempt > 3, "not yet");
    };
    let builder = Events::builder(Store::default()).subscription("stumbling", |subscription| {
        subscription.on(stumble).retry(RetryPolicy::default().attempts(9))
    });
    let mut scenario = Scenario::of(builder).await.unwrap();
    let orders = OrderService(scenario.events().clone());
    scenario.when(orders.place("A-1")).await.unwrap();
    let status = async || scenario.events().status("stumbling").await.unwrap();
    scenario.eventually(async || status().await.has_handled(Position::new(1))).await.unwrap();
    assert_eq!(*attempts.lock().unwrap(), 4);
    let log = scenario.events().store().entries(Page::new(Position::START, 10)).await.unwrap();
    assert_eq!(log.len(), 1);
}

#[tokio::test]
async fn what_has_not_ensued_within_its_time_is_late_until_it_has() {
    let carrier = Carrier::default();
    let builder = Events::builder(Store::default())
        .state(carrier.clone())
        .subscription("shipping", |subscription| subscription.on(ship).within(Duration::ZERO))
        .subscription("patient", |subscription| {
            subscription.on(|_: &OrderPlaced| ()).within(Duration::from_secs(3_600))
        })
        .subscribe("any-time", |_: &OrderPlaced| ());
    let mut scenario = Scenario::of(builder).await.unwrap();
    let orders = OrderService(scenario.events().clone());
    let late = async |name: &str| scenario.events().late(name).await.unwrap();
    assert_eq!(late("shipping").await, None);

    carrier.refuse("A-2");
    for order_no in ["A-1", "A-2", "A-3"] {
        orders.place(order_no).await.unwrap();
    }
    let first = late("shipping").await.expect("nothing has ensued yet");
    assert_eq!((first.position, first.within), (Position::new(1), Duration::ZERO));
    assert_eq!((late("patient").await, late("any-time").await), (None, None));

    scenario.settle().await.unwrap();
    let set_aside = late("shipping").await.expect("A-2 is set aside");
    assert_eq!(set_aside.position, Position::new(2));

    carrier.accept("A-2");
    scenario.when(async { Ok::<_, ensue::Error>(()) }).await.unwrap();
    scenario.eventually(async || carrier.loaded().len() == 3).await.unwrap();
    assert_eq!(scenario.events().late("shipping").await.unwrap(), None);
    let unknown = scenario.events().late("shiping").await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::UnknownSubscription);
}

/// It is late before and after it is set aside, but not for a subscription that does not handle it.
#[tokio::test]
async fn what_cannot_be_read_is_late_like_any_other_and_hides_nothing_else() {
    let builder = Events::builder(Store::default())
        .subscription("shipping", |s| s.on(|_: &OrderPlaced| ()).within(Duration::ZERO))
        .subscription("notices", |s| s.on(|_: &OrderShipped| ()).within(Duration::ZERO));
    let scenario = Scenario::of(builder).await.unwrap();
    let (events, orders) = (scenario.events(), OrderService(scenario.events().clone()));
    orders.place("A-1").await.unwrap();
    orders.place("A-2").await.unwrap();
    events.store().make_unreadable(Position::new(1), "`version` is no number");
    for _ in 0..2 {
        let late = events.late("shipping").await.unwrap().expect("it never ensues");
        assert_eq!(late.position, Position::new(1));
        assert_eq!(events.late("notices").await.unwrap(), None);
        scenario.settle().await.unwrap();
    }
    let status = events.status("shipping").await.unwrap();
    assert_eq!((status.cursor, status.set_aside.len()), (Position::new(2), 1));
}

#[tokio::test]
async fn settling_lets_listeners_handle_what_is_in_their_queues_and_whatever_ensues() {
    let (carrier, queue) = (Carrier::default(), MemoryQueue::default());
    let mails = Arc::new(Mutex::new(Vec::new()));
    let mailed = Arc::clone(&mails);
    let listener = Listener::new("shipping", queue.clone()).on(ship);
    let builder = Events::builder(Store::default())
        .state(carrier.clone())
        .listen(listener)
        .subscribe("mails", move |shipped: &OrderShipped| {
            mailed.lock().unwrap().push(shipped.order_no.clone());
        });
    let scenario = Scenario::of(builder).await.unwrap();
    for order_nos in [["A-1", "B-1"], ["A-2", "B-2"]] {
        for order_no in order_nos {
            queue.send("shop", placed(order_no));
        }
        scenario.settle().await.unwrap();
        assert_eq!(
            (queue.waiting(), mails.lock().unwrap().split_off(0)),
            (0, order_nos.map(String::from).to_vec())
        );
    }
    assert_eq!(carrier.loaded(), ["A-1", "B-1", "A-2", "B-2"]);
}
