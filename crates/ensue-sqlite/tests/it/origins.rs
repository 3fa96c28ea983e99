//! What a request or a message brings along reaches every event that ensues from it.

use ensue::store::Page;
use ensue::{BoxError, CorrelationId, Entry, Error, Log, Meta, Origin, Position, State, raise};
use ensue_sqlite::{Events, SqliteStore};

use crate::scratch::{
    Notes, OrderCancelled, OrderPlaced, PATIENCE, Scratch, cancelled, handled_all, place, shut_down,
};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn request() -> Origin {
    let mut origin = Origin::default();
    origin.correlation_id = Some(CorrelationId::new("req-7"));
    origin.trace_context = Some(TRACE.to_owned());
    origin.headers.insert("actor".to_owned(), "anna".to_owned());
    origin
}

async fn log(store: &SqliteStore) -> Vec<Entry> {
    store.entries(Page::new(Position::START, 1_000)).await.unwrap()
}

#[tokio::test]
async fn every_event_of_a_request_carries_what_the_request_brought() {
    let scratch = Scratch::new();
    let events = scratch
        .builder()
        .await
        .on(|event: &OrderPlaced| raise(cancelled(&event.order_no)))
        .build()
        .await
        .unwrap();
    let request = request().scope(async {
        place(&events, "A-1").await;
        place(&events, "A-2").await;
    });
    request.await;
    let log = log(events.store()).await;
    assert_eq!(log.len(), 4);
    for entry in &log {
        assert_eq!(entry.envelope.correlation_id.as_str(), "req-7");
        assert_eq!(entry.envelope.trace_context.as_deref(), Some(TRACE));
        assert_eq!(entry.envelope.headers["actor"], "anna");
        assert_eq!(entry.envelope.hops, 0);
    }
    assert_eq!(log[0].envelope.causation_id, None);
    assert_eq!(log[1].envelope.causation_id, Some(log[0].envelope.id));
}

#[tokio::test]
async fn without_a_request_each_unit_of_work_is_a_story_of_its_own() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    place(&events, "A-1").await;
    place(&events, "A-2").await;
    let log = log(events.store()).await;
    assert_ne!(log[0].envelope.correlation_id, log[1].envelope.correlation_id);
}

/// What a handler does with the application's door, rather than in a transaction of its own.
async fn cancel_it(event: &OrderPlaced, State(door): State<Door>) -> Result<(), BoxError> {
    let events = door.0.lock().unwrap().clone().ok_or("there is no application yet")?;
    let run = events.run(async |_tx| {
        raise(cancelled(&event.order_no));
        Ok::<_, Error>(())
    });
    Ok(run.await?)
}

#[derive(Clone, Default)]
struct Door(std::sync::Arc<std::sync::Mutex<Option<Events>>>);

impl Door {
    fn open(&self, events: &Events) {
        *self.0.lock().unwrap() = Some(events.clone());
    }
}

async fn assert_continued(events: &Events) {
    let log = log(events.store()).await;
    let [placed, cancelled] = &log[..] else { panic!("{log:?}") };
    assert_eq!(cancelled.envelope.event_type, "order.cancelled");
    assert_eq!(cancelled.envelope.correlation_id, placed.envelope.correlation_id);
    assert_eq!(cancelled.envelope.causation_id, Some(placed.envelope.id));
    assert_eq!(cancelled.envelope.trace_context.as_deref(), Some(TRACE));
    assert_eq!(cancelled.envelope.hops, 1);
    assert!(cancelled.envelope.headers.is_empty(), "headers belong to one event");
}

#[tokio::test]
async fn a_unit_of_work_of_an_after_commit_handler_continues_the_story() {
    let scratch = Scratch::new();
    let door = Door::default();
    let builder = scratch.builder().await.state(door.clone()).after_commit(cancel_it);
    let events = builder.build().await.unwrap();
    door.open(&events);
    request().scope(place(&events, "A-1")).await;
    assert!(events.shutdown(PATIENCE).await);
    assert_continued(&events).await;
}

#[tokio::test]
async fn a_unit_of_work_of_a_durable_handler_continues_the_story() {
    let scratch = Scratch::new();
    let door = Door::default();
    let builder = scratch.builder().await.state(door.clone()).subscribe("cancel", cancel_it);
    let events = builder.build().await.unwrap();
    door.open(&events);
    let forwarder = events.forward();
    request().scope(place(&events, "A-1")).await;
    handled_all(&events, "cancel").await;
    shut_down(forwarder).await;
    assert_continued(&events).await;
}

#[tokio::test]
async fn a_durable_handler_is_told_what_the_request_brought() {
    let scratch = Scratch::new();
    let notes = Notes::default();
    let builder = scratch.builder().await.state(notes.clone()).subscribe("notes", tell);
    let events = builder.build().await.unwrap();
    let forwarder = events.forward();
    let cancelling = events.run(async |_tx| {
        raise(cancelled("A-1"));
        Ok::<_, Error>(())
    });
    request().scope(cancelling).await.unwrap();
    handled_all(&events, "notes").await;
    shut_down(forwarder).await;
    assert_eq!(notes.all(), [format!("req-7 anna {TRACE}")]);
}

async fn tell(_: &OrderCancelled, State(notes): State<Notes>, meta: Meta) {
    let trace = meta.trace_context.unwrap_or_default();
    notes.add(format!("{} {} {trace}", meta.correlation_id, meta.headers["actor"]));
}
