//! What is promised of a sink.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use ensue::{
    BoxError, CorrelationId, Entry, Envelope, EventId, Outcome, Position, Sink, Timestamp,
};
use tokio::time::timeout;

use crate::backend::{PATIENCE, envelope};
use crate::destination::{Destination, UNHEARD};

/// [`Sink::send`] answers for each entry, and what it says is delivered has arrived.
pub async fn what_is_delivered_has_arrived<D: Destination>(destination: &D) {
    let entries = entries(0..700);
    let outcomes = send(&destination.sink(), &entries).await;
    assert_eq!(outcomes.len(), entries.len());
    assert!(outcomes.iter().all(Outcome::is_delivered));
    assert_eq!(ids(&destination.received(700).await), ids_of(&entries));
}

/// The order of the entries, and of calls one after the other.
pub async fn entries_arrive_in_the_order_in_which_they_are_sent<D: Destination>(destination: &D) {
    let (sink, entries) = (destination.sink(), entries(0..900));
    for batch in entries.chunks(300) {
        send(&sink, batch).await;
    }
    assert_eq!(ids(&destination.received(900).await), ids_of(&entries));
}

/// Id, type, key, payload and all the rest.
pub async fn an_envelope_arrives_unchanged<D: Destination>(destination: &D) {
    let without_key = Envelope { key: None, ..envelope("") };
    let envelopes = [envelope("{\"total\": 9.50}"), without_key, full_envelope()];
    let entries: Vec<_> = (1..).zip(envelopes.clone()).map(at).collect();
    assert!(send(&destination.sink(), &entries).await.iter().all(Outcome::is_delivered));
    assert_eq!(destination.received(3).await, envelopes);
}

/// What nobody will ever receive is not delivered, and of those around it nothing else is said.
pub async fn what_nobody_listens_to_is_not_delivered<D: Destination>(destination: &D) {
    let (sink, mut entries) = (destination.sink(), entries(0..1_000));
    entries.iter_mut().step_by(10).for_each(make_unheard);
    for batch in entries.chunks(500) {
        for (entry, outcome) in batch.iter().zip(send(&sink, batch).await) {
            let is_right = match is_unheard(entry) {
                true => matches!(outcome, Outcome::Unroutable(_)),
                false => outcome.is_delivered(),
            };
            assert!(is_right, "{} is {outcome:?}", entry.envelope.event_type);
        }
    }
    assert_eq!(destination.received(900).await.len(), 900);
}

/// Two calls at once, in one of which everything comes back.
pub async fn calls_at_once_keep_their_answers_apart<D: Destination>(destination: &D) {
    let sink = Arc::new(destination.sink());
    for round in 0..10 {
        let heard = entries(round * 200..round * 200 + 100);
        let mut unheard = entries(round * 200 + 100..round * 200 + 200);
        unheard.iter_mut().for_each(make_unheard);
        let (heard, unheard) = tokio::join!(send(&*sink, &heard), send(&*sink, &unheard));
        assert!(heard.iter().all(Outcome::is_delivered));
        assert!(unheard.iter().all(|outcome| matches!(outcome, Outcome::Unroutable(_))));
    }
    assert_eq!(destination.received(1_000).await.len(), 1_000);
}

/// Nothing is lost or doubled by it, and afterwards the same sink finds who is there.
pub async fn while_nobody_is_there_it_fails_and_sends_nothing<D: Destination>(destination: &D) {
    let (sink, entries) = (destination.sink(), entries(0..10));
    send(&sink, &entries[..5]).await;
    destination.is_away(true).await;
    // One that finds out by sending may not know what has become of it.
    while let Ok(outcomes) = try_send(&sink, &entries[5..]).await {
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Unknown(_))));
    }
    assert!(try_send(&sink, &entries[5..]).await.is_err());
    destination.is_away(false).await;
    let outcomes = timeout(PATIENCE, until_somebody_is_there(&sink, &entries[5..])).await;
    assert!(outcomes.unwrap().iter().all(Outcome::is_delivered));
    let received = ids(&destination.received(10).await);
    let first_arrivals: Vec<_> = (0..received.len())
        .filter(|index| !received[..*index].contains(&received[*index]))
        .map(|index| received[index])
        .collect();
    assert_eq!(first_arrivals, ids_of(&entries));
}

/// Dropped at any moment, and sent again.
pub async fn a_call_that_is_dropped_spoils_no_other<D: Destination>(destination: &D) {
    let sink = destination.sink();
    for polls in 0..20 {
        let mut dropped = entries(0..100);
        dropped.iter_mut().for_each(make_unheard);
        let mut sending = Box::pin(sink.send(&dropped));
        for _ in 0..polls {
            if has_ended(sending.as_mut()).await {
                break;
            }
        }
        drop(sending);
        let outcomes = send(&sink, &entries(0..100)).await;
        assert!(outcomes.iter().all(Outcome::is_delivered), "after {polls} polls");
    }
    assert_eq!(destination.received(2_000).await.len(), 2_000);
}

/// Polls once, and lets others run.
async fn has_ended(mut future: Pin<&mut impl Future>) -> bool {
    let has_ended = poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await;
    tokio::task::yield_now().await;
    has_ended
}

/// An empty call is answered, if somebody is there.
pub async fn nothing_to_send_is_nothing_to_answer_for<D: Destination>(destination: &D) {
    assert!(send(&destination.sink(), &[]).await.is_empty());
}

async fn until_somebody_is_there<S: Sink>(sink: &S, entries: &[Entry]) -> Vec<Outcome> {
    loop {
        match sink.send(entries).await {
            Ok(outcomes) => return outcomes,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

async fn send<S: Sink>(sink: &S, entries: &[Entry]) -> Vec<Outcome> {
    try_send(sink, entries).await.unwrap()
}

async fn try_send<S: Sink>(sink: &S, entries: &[Entry]) -> Result<Vec<Outcome>, BoxError> {
    timeout(PATIENCE, sink.send(entries)).await.unwrap()
}

/// Each with a key of its own, as the forwarder sends them.
fn entries(numbers: Range<u64>) -> Vec<Entry> {
    let numbered = |number: u64| {
        let key = Some(format!("A-{number}"));
        at((number + 1, Envelope { key, ..envelope(number.to_string()) }))
    };
    numbers.map(numbered).collect()
}

fn at((position, envelope): (u64, Envelope)) -> Entry {
    let recorded_at = Timestamp::from_micros(1_700_000_000_200_000);
    Entry { position: Position::new(position), recorded_at, envelope }
}

fn make_unheard(entry: &mut Entry) {
    entry.envelope.event_type = UNHEARD.into();
}

fn is_unheard(entry: &Entry) -> bool {
    entry.envelope.event_type == UNHEARD
}

fn ids(received: &[Envelope]) -> Vec<EventId> {
    received.iter().map(|envelope| envelope.id).collect()
}

fn ids_of(entries: &[Entry]) -> Vec<EventId> {
    entries.iter().map(|entry| entry.envelope.id).collect()
}

fn full_envelope() -> Envelope {
    let headers = [("tenant", "acme"), ("X-Odd", "a \"b\" \u{e9}\n")];
    Envelope {
        version: 3,
        key: Some("k\u{e9}y 'quoted' \"twice\"".to_owned()),
        content_type: "application/octet-stream".into(),
        payload: (0..=255).collect(),
        correlation_id: CorrelationId::new("request 7"),
        causation_id: Some(EventId::now()),
        hops: 9,
        trace_context: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        headers: BTreeMap::from(headers.map(|(name, value)| (name.into(), value.into()))),
        ..envelope("")
    }
}
