//! Several entries by one call, in one transaction.

use ensue::subscription::{FailureClass, SetAsideState};
use ensue::{
    AnyEvent, Batch, BoxError, Error, ErrorKind, Event, Log, Meta, Position, Raise, State, raise,
};
use ensue_sqlite::{Events, Tx};

use crate::scratch::{
    Notes, OrderCancelled, OrderPlaced, Scratch, add_effect, cancelled, effects, handled_all,
    place_all, shut_down, until,
};

/// One effect for each batch: how many there were, and of which orders.
async fn note_batch(placed: &Batch<OrderPlaced>, tx: &mut Tx) -> Result<(), BoxError> {
    let orders: Vec<_> = placed.iter().map(|received| received.event.order_no.as_str()).collect();
    add_effect(tx, &orders.join(" ")).await?;
    match placed.iter().any(|received| received.event.order_no == "poison") {
        true => Err("poisoned".into()),
        false => Ok(()),
    }
}

async fn place_numbers(events: &Events, count: u32) {
    let orders: Vec<_> = (1..=count).map(|number| number.to_string()).collect();
    place_all(events, &orders.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_batch_takes_what_there_is_up_to_its_size_in_one_transaction() {
    let scratch = Scratch::new();
    let builder = scratch.builder().await;
    let builder = builder.subscription("notes", |s| s.on_batch(4, note_batch));
    let events = builder.build().await.unwrap();
    place_numbers(&events, 10).await;
    let forwarder = events.forward();
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, ["1 2 3 4", "5 6 7 8", "9 10"]);
    place_all(&events, &["11"]).await;
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await[3..], ["11"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn one_poisoned_entry_of_a_batch_is_set_aside_by_itself() {
    let scratch = Scratch::new();
    let builder = scratch.builder().await;
    let builder = builder.subscription("notes", |s| s.on_batch(100, note_batch));
    let events = builder.build().await.unwrap();
    place_all(&events, &["A", "B", "poison", "C", "poison", "D"]).await;
    let forwarder = events.forward();
    until(async || events.status("notes").await.unwrap().cursor == Position::new(6)).await;
    assert_eq!(effects(events.store()).await, ["A", "B", "C", "D"]);
    let set_aside = events.status("notes").await.unwrap().set_aside;
    let positions: Vec<_> = set_aside.iter().map(|entry| entry.position.get()).collect();
    assert_eq!(positions, [3, 5]);
    assert_eq!(set_aside[1].state, SetAsideState::Queued);
    // What comes later is handled together again.
    place_all(&events, &["E", "F", "poison", "G"]).await;
    until(async || events.status("notes").await.unwrap().cursor == Position::new(10)).await;
    assert_eq!(effects(events.store()).await[4..], ["E F G"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_batch_ends_before_an_entry_that_goes_another_way() {
    async fn note_one(event: &OrderCancelled, tx: &mut Tx) -> sqlx::Result<()> {
        add_effect(tx, &format!("{} cancelled", event.order_no)).await
    }
    let scratch = Scratch::new();
    let builder = scratch.builder().await;
    let builder = builder.subscription("notes", |s| s.on_batch(100, note_batch).on(note_one));
    let events = builder.build().await.unwrap();
    let run = events.run(async |tx| {
        for order in ["A", "B", "C"] {
            tx.raise(OrderPlaced::of(order, 1));
            tx.raise(OrderPlaced::of(order, 2));
            tx.raise(cancelled(order));
        }
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    let forwarder = events.forward();
    handled_all(&events, "notes").await;
    let expected = ["A A", "A cancelled", "B B", "B cancelled", "C C", "C cancelled"];
    assert_eq!(effects(events.store()).await, expected);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_batch_of_any_event_takes_all_types_with_their_metadata() {
    async fn note_types(batch: &Batch<AnyEvent>, tx: &mut Tx) -> Result<(), BoxError> {
        let types = batch.iter().map(|received| {
            let position = received.meta.position.map_or(0, Position::get);
            assert_eq!(received.meta.event_type, received.event.event_type());
            format!("{position} {}", received.event.event_type())
        });
        Ok(add_effect(tx, &types.collect::<Vec<_>>().join(", ")).await?)
    }
    let scratch = Scratch::new();
    let builder = scratch.builder().await;
    let builder = builder.subscription("notes", |s| s.on_any_batch(100, note_types));
    let events = builder.build().await.unwrap();
    let run = events.run(async |_tx| {
        raise(OrderPlaced::of("A", 1));
        raise(cancelled("A"));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    let forwarder = events.forward();
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, ["1 order.placed, 2 order.cancelled"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn a_handler_of_batches_without_a_transaction_has_states_and_the_last_ones_metadata() {
    let scratch = Scratch::new();
    let tell = async |placed: &Batch<OrderPlaced>, State(notes): State<Notes>, meta: Meta| {
        notes.add(format!("{} up to {}", placed.len(), meta.position.map_or(0, Position::get)));
    };
    let notes = Notes::default();
    let builder = scratch.builder().await.state(notes.clone());
    let builder = builder.subscription("told", |s| s.on_batch(3, tell));
    let events = builder.build().await.unwrap();
    place_numbers(&events, 5).await;
    let forwarder = events.forward();
    handled_all(&events, "told").await;
    assert_eq!(notes.all(), ["3 up to 3", "2 up to 5"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn what_a_batch_raises_is_stored_with_it_and_caused_by_its_last_entry() {
    async fn summarise(placed: &Batch<OrderPlaced>, tx: &mut Tx) -> Result<(), BoxError> {
        tx.raise(cancelled(&placed.len().to_string()));
        Ok(())
    }
    let scratch = Scratch::new();
    let builder = scratch.builder().await;
    let builder = builder.subscription("sums", |s| s.on_batch(10, summarise));
    let events = builder.build().await.unwrap();
    place_numbers(&events, 3).await;
    let forwarder = events.forward();
    until(async || events.head().await.unwrap() == Position::new(4)).await;
    let log = events.store().entries(ensue::store::Page::new(Position::START, 9)).await.unwrap();
    assert_eq!(log[3].envelope.key.as_deref(), Some("3"));
    assert_eq!(log[3].envelope.causation_id, Some(log[2].envelope.id));
    assert_eq!(log[3].envelope.hops, 1);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn an_entry_of_a_batch_that_cannot_be_read_is_parked_alone() {
    #[derive(Event, serde::Serialize, serde::Deserialize)]
    #[event(type = "order.placed", key = "B")]
    struct OtherShape {
        nothing: u8,
    }
    let scratch = Scratch::new();
    let stranger = scratch.builder().await.build().await.unwrap();
    place_all(&stranger, &["A"]).await;
    let run = stranger.run(async |_tx| {
        raise(OtherShape { nothing: 1 });
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    place_all(&stranger, &["C"]).await;
    let builder = scratch.builder().await;
    let from_beginning = ensue::Start::Beginning;
    let builder =
        builder.subscription("notes", |s| s.on_batch(10, note_batch).from(from_beginning));
    let events = builder.build().await.unwrap();
    let forwarder = events.forward();
    until(async || events.status("notes").await.unwrap().cursor == Position::new(3)).await;
    assert_eq!(effects(events.store()).await, ["A", "C"]);
    let set_aside = events.status("notes").await.unwrap().set_aside;
    assert_eq!(set_aside[0].state, SetAsideState::Parked);
    assert_eq!(set_aside[0].failure.as_ref().unwrap().class, FailureClass::Undecodable);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn what_batches_cannot_be_fails_at_build_by_name() {
    let scratch = Scratch::new();
    async fn more(_: &Batch<OrderCancelled>) {}
    let builder = scratch.builder().await;
    let builder = builder
        .subscription("lanes", |s| s.on_batch(10, note_batch).lanes(4))
        .subscription("two", |s| s.on_batch(10, note_batch).on_batch(10, more));
    let error = builder.build().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let said = error.to_string();
    assert!(
        said.contains("subscription `lanes` has a handler of batches and several lanes"),
        "{said}"
    );
    assert!(said.contains("subscription `two` has two handlers of batches"), "{said}");
}
