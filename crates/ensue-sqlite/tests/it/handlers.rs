//! Handlers in every form, of one event or of any.

use ensue::{AnyEvent, BoxError, Error, Handler, Meta, Position, State, TxHandler, raise};
use ensue_sqlite::{SqliteStore, Tx};

use crate::scratch::{
    Notes, OrderCancelled, OrderPlaced, PATIENCE, Scratch, Told, add_effect, cancelled, effects,
    handled, place, shut_down,
};

#[tokio::test]
async fn a_local_event_is_handled_and_not_stored() {
    let scratch = Scratch::new();
    let builder = scratch.builder().await;
    let told = async |event: &Told, tx: &mut Tx| add_effect(tx, event.0).await;
    let events = builder.on(told).build().await.unwrap();
    let run = events.run(async |_tx| {
        raise(Told("softly"));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    assert_eq!(effects(events.store()).await, ["softly"]);
    assert_eq!(events.head().await.unwrap(), Position::START);
}

struct Audit;

impl TxHandler<AnyEvent, SqliteStore> for Audit {
    async fn handle(&self, event: &AnyEvent, meta: &Meta, tx: &mut Tx) -> Result<(), BoxError> {
        assert_eq!(event.event_type(), meta.event_type);
        Ok(add_effect(tx, event.event_type()).await?)
    }
}

#[tokio::test]
async fn a_handler_of_any_event_sees_every_event() {
    let scratch = Scratch::new();
    let notes = Notes::default();
    let seen = notes.clone();
    let events = scratch
        .builder()
        .await
        .on_any(Audit)
        .on_any(async move |event: &AnyEvent| {
            let payload = event.payload().map(|payload| payload.len());
            seen.add(format!("{} {:?}", event.event_type(), payload.ok()));
        })
        .on(async |event: &OrderPlaced| raise(cancelled(&event.order_no)))
        .build()
        .await
        .unwrap();
    let run = events.run(async |_tx| {
        raise(OrderPlaced::of("A", 1));
        raise(Told("softly"));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    let expected = ["order.placed", "Told", "order.cancelled"];
    assert_eq!(effects(events.store()).await, expected);
    let expected = ["order.placed Some(27)", "Told None", "order.cancelled Some(16)"];
    assert_eq!(notes.all(), expected);
}

struct Greeter {
    greeting: &'static str,
    notes: Notes,
}

impl Handler<OrderPlaced> for Greeter {
    async fn handle(&self, event: &OrderPlaced, meta: &Meta) -> Result<(), BoxError> {
        self.notes.add(format!("{} {} {}", self.greeting, event.order_no, meta.event_type));
        Ok(())
    }
}

async fn everything(
    event: &OrderPlaced,
    State(notes): State<Notes>,
    meta: Meta,
    State(greeting): State<&'static str>,
    tx: &mut Tx,
) -> Result<(), BoxError> {
    notes.add(format!("{greeting} {} {}", event.order_no, meta.attempt));
    Ok(add_effect(tx, "everything").await?)
}

async fn nothing_but_the_event(event: &OrderPlaced) {
    assert_eq!(event.order_no, "A");
}

async fn meta_only(_: &OrderPlaced, meta: Meta) -> Result<(), std::fmt::Error> {
    assert_eq!((meta.position, meta.attempt, meta.version), (None, 1, 1));
    Ok(())
}

#[tokio::test]
async fn handlers_of_every_form_are_called_in_the_order_of_their_registration() {
    let scratch = Scratch::new();
    let notes = Notes::default();
    let captured = notes.clone();
    let events = scratch
        .builder()
        .await
        .state(notes.clone())
        .state("hello")
        .on(everything)
        .on(Greeter { greeting: "hi", notes: notes.clone() })
        .on(nothing_but_the_event)
        .on(meta_only)
        .on(async move |event: &OrderPlaced, tx: &mut Tx| {
            captured.add(format!("closure {}", event.order_no));
            add_effect(tx, "closure").await
        })
        .build()
        .await
        .unwrap();
    let run = events.run(async |_tx| {
        raise(OrderPlaced::of("A", 1));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    assert_eq!(notes.all(), ["hello A 1", "hi A order.placed", "closure A"]);
    assert_eq!(effects(events.store()).await, ["everything", "closure"]);
}

fn count(event: &OrderPlaced, State(notes): State<Notes>, meta: Meta) {
    let Meta { event_type, .. } = meta;
    notes.add(format!("{} {event_type}", event.order_no));
}

fn refuse(event: &OrderPlaced) -> Result<(), String> {
    if event.amount == 0 { Err("an order of nothing".to_owned()) } else { Ok(()) }
}

#[tokio::test]
async fn a_function_that_is_not_async_is_a_handler_wherever_it_needs_no_transaction() {
    let scratch = Scratch::new();
    let notes = Notes::default();
    let builder = scratch.builder().await.state(notes.clone());
    let events = builder
        .on(refuse)
        .on(|event: &OrderPlaced| raise(cancelled(&event.order_no)))
        .on_any(|event: &AnyEvent, State(notes): State<Notes>| notes.add(event.event_type()))
        .after_commit(count)
        .subscribe("counts", count)
        .build()
        .await
        .unwrap();
    let forwarder = events.forward();
    place(&events, "A").await;
    assert!(events.shutdown(PATIENCE).await);
    handled(&events, "counts", Position::new(1)).await;
    shut_down(forwarder).await;
    let expected = ["order.placed", "order.cancelled", "A order.placed", "A order.placed"];
    assert_eq!(notes.all(), expected);

    let refused = events.run(async |_tx| {
        raise(OrderPlaced::of("B", 0));
        Ok::<_, Error>(())
    });
    assert!(refused.await.unwrap_err().to_string().contains("an order of nothing"));
    assert_eq!(events.head().await.unwrap(), Position::new(2));
}

/// Which event it is registered for, somebody has to say.
struct Both;

impl Handler<OrderPlaced> for Both {
    async fn handle(&self, event: &OrderPlaced, _: &Meta) -> Result<(), BoxError> {
        raise(cancelled(&event.order_no));
        Ok(())
    }
}

impl TxHandler<OrderCancelled, SqliteStore> for Both {
    async fn handle(&self, event: &OrderCancelled, _: &Meta, tx: &mut Tx) -> Result<(), BoxError> {
        Ok(add_effect(tx, &event.order_no).await?)
    }
}

#[tokio::test]
async fn a_struct_that_handles_two_events_is_registered_for_each_by_name() {
    let scratch = Scratch::new();
    let builder = scratch.builder().await.on::<OrderPlaced, _>(Both).on::<OrderCancelled, _>(Both);
    let events = builder.build().await.unwrap();
    let run = events.run(async |_tx| {
        raise(OrderPlaced::of("A", 1));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    assert_eq!(effects(events.store()).await, ["A"]);
}
