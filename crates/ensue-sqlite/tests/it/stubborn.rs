//! Handlers that would hold up their subscription for ever, or call the outside again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ensue::subscription::{FailureClass, SetAside};
use ensue::{BoxError, Error, Event, Handler, Log, Meta, RetryPolicy, State, raise};
use ensue_sqlite::{Builder, Events, Tx};
use serde::{Deserialize, Serialize, Serializer};

use crate::scratch::{OrderCancelled, OrderPlaced, PATIENCE, Scratch, add_effect, until};

type Calls = Arc<AtomicU32>;

/// Lets one order be handled, once, and returns how it was set aside and how often it was called.
async fn fail_once(
    scratch: &Scratch,
    describe: impl FnOnce(Builder) -> Builder,
) -> (SetAside, u32) {
    let calls = Calls::default();
    let builder = scratch.builder().await.state(Arc::clone(&calls));
    let events = describe(builder).build().await.unwrap();
    let forwarder = events.forward();
    place(&events).await;
    until(async || !events.status("notes").await.unwrap().set_aside.is_empty()).await;
    assert!(forwarder.shutdown(PATIENCE).await);
    let set_aside = events.status("notes").await.unwrap().set_aside.remove(0);
    (set_aside, calls.load(Ordering::SeqCst))
}

async fn place(events: &Events) {
    let run = events.run(async |_tx| {
        raise(OrderPlaced::of("A", 1));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
}

fn class(entry: &SetAside) -> FailureClass {
    entry.failure.as_ref().unwrap().class
}

fn once() -> RetryPolicy {
    RetryPolicy::default().attempts(1)
}

/// Half of the lease is the deadline; a machine that stalls for the other half ends the term.
const LEASE: Duration = Duration::from_secs(8);

async fn hang(_: &OrderPlaced, State(calls): State<Calls>, tx: &mut Tx) {
    calls.fetch_add(1, Ordering::SeqCst);
    add_effect(tx, "ghost").await.unwrap();
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_handler_that_keeps_the_writer_fails_before_it_costs_its_owner_the_lease() {
    let scratch = Scratch::new();
    let (entry, calls) = fail_once(&scratch, |builder| {
        builder.lease(LEASE).subscription("notes", |s| s.on(hang).retry(once()))
    })
    .await;
    assert_eq!((class(&entry), entry.attempts, calls), (FailureClass::Deadline, 1, 1));
}

#[tokio::test]
async fn so_does_what_ensues_in_the_transaction_from_a_handler_without_one() {
    async fn outside(_: &OrderPlaced, State(calls): State<Calls>) {
        calls.fetch_add(1, Ordering::SeqCst);
        raise(OrderCancelled { order_no: "A".to_owned() });
    }
    async fn hang_then(_: &OrderCancelled, tx: &mut Tx) {
        add_effect(tx, "ghost").await.unwrap();
        std::future::pending::<()>().await;
    }
    let scratch = Scratch::new();
    let (entry, calls) = fail_once(&scratch, |builder| {
        let builder = builder.lease(LEASE).on(hang_then);
        builder.subscription("notes", |s| s.on(outside).retry(once()))
    })
    .await;
    assert_eq!((class(&entry), entry.attempts, calls), (FailureClass::Deadline, 1, 1));
}

/// Panics when it is dropped.
struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("on purpose");
    }
}

/// The handler is dropped half-way, with everything it holds.
#[tokio::test]
async fn a_destructor_that_panics_when_its_handler_is_out_of_time_is_a_failure_like_any_other() {
    async fn hang(_: &OrderPlaced, State(calls): State<Calls>) {
        calls.fetch_add(1, Ordering::SeqCst);
        let _grenade = Grenade;
        std::future::pending::<()>().await;
    }
    for lanes in [1, 4] {
        let scratch = Scratch::new();
        let (entry, calls) = fail_once(&scratch, |builder| {
            builder.subscription("notes", |s| {
                s.on(hang).deadline(Duration::from_millis(20)).retry(once()).lanes(lanes)
            })
        })
        .await;
        assert_eq!((class(&entry), entry.attempts, calls), (FailureClass::Panic, 1, 1));
    }
}

#[derive(Event, Deserialize)]
struct Unspeakable;

impl Serialize for Unspeakable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("on purpose");
    }
}

#[tokio::test]
async fn an_event_that_panics_when_it_is_stored_is_a_failure_of_who_raised_it() {
    async fn outside(_: &OrderPlaced, State(calls): State<Calls>) {
        calls.fetch_add(1, Ordering::SeqCst);
        raise(Unspeakable);
    }
    let scratch = Scratch::new();
    let (entry, calls) = fail_once(&scratch, |builder| {
        builder.subscription("notes", |s| s.on(outside).retry(once()))
    })
    .await;
    assert_eq!((class(&entry), entry.attempts, calls), (FailureClass::Panic, 1, 1));
}

/// Raises before it has a future.
struct Hasty;

impl Handler<OrderPlaced> for Hasty {
    fn handle(
        &self,
        event: &OrderPlaced,
        _: &Meta,
    ) -> impl Future<Output = Result<(), BoxError>> + Send {
        raise(OrderCancelled { order_no: event.order_no.clone() });
        async { Ok(()) }
    }
}

#[tokio::test]
async fn what_a_handler_does_before_its_first_await_is_inside_too() {
    let scratch = Scratch::new();
    let builder = scratch.builder().await.on(Hasty).subscribe("notes", Hasty);
    let events = builder.build().await.unwrap();
    let forwarder = events.forward();
    place(&events).await;
    // The order, its cancellation in the transaction, and the durable one.
    until(async || events.store().head().await.unwrap().get() == 3).await;
    assert!(forwarder.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_lease_given_by_a_clock_that_was_ahead_holds_nobody_up() {
    let scratch = Scratch::new();
    let subscribed = |builder: Builder| {
        builder.subscribe("notes", async |_: &OrderPlaced, tx: &mut Tx| add_effect(tx, "A").await)
    };
    let events = subscribed(scratch.builder().await).build().await.unwrap();
    let run = events.run(async |tx| {
        let day = "INSERT OR REPLACE INTO ensue_owner VALUES ('notes', 7, 'of tomorrow', 0);
            INSERT OR REPLACE INTO ensue_lease
            VALUES ('notes', (unixepoch() + 86400) * 1000000, 15000000)";
        sqlx::raw_sql(day).execute(&mut **tx).await?;
        Ok::<_, BoxError>(())
    });
    run.await.unwrap();
    let forwarder = events.forward();
    place(&events).await;
    let head = events.head().await.unwrap();
    crate::scratch::handled(&events, "notes", head).await;
    assert!(forwarder.shutdown(PATIENCE).await);
}
