//! Waiting for what ensues.

use std::time::Duration;

use ensue::{BoxError, Error, ErrorKind, Handled, RetryPolicy, raise};
use ensue_sqlite::{Events, Tx};

use crate::scratch::{OrderPlaced, PATIENCE, Scratch, add_effect, effects};

async fn note(event: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
    add_effect(tx, &event.order_no).await?;
    match event.order_no.as_str() {
        "bad" => Err("on purpose".into()),
        _ => Ok(()),
    }
}

async fn events(scratch: &Scratch) -> Events {
    let builder = scratch.builder().await.poll(Duration::from_secs(3_600));
    let once = RetryPolicy::default().attempts(1);
    builder.subscription("notes", |s| s.on(note).retry(once)).build().await.unwrap()
}

async fn place(events: &Events, order_no: &str) {
    let run = events.run(async |_tx| {
        raise(OrderPlaced::of(order_no, 1));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
}

#[tokio::test]
async fn a_ticket_waits_until_what_was_committed_is_handled() {
    let scratch = Scratch::new();
    let events = events(&scratch).await;
    let _forwarder = events.forward();
    for order in 1..=20_usize {
        place(&events, "good").await;
        let ticket = events.ticket().await.unwrap();
        let handled = ticket.handled_by("notes", PATIENCE).await.unwrap();
        assert_eq!((handled, ticket.position().get()), (Handled::Handled, order as u64));
        assert_eq!(effects(events.store()).await.len(), order);
    }
}

#[tokio::test]
async fn a_forwarder_elsewhere_is_waited_for_too() {
    let scratch = Scratch::new();
    let (here, there) = (events(&scratch).await, events(&scratch).await);
    let _forwarder = there.forward();
    place(&here, "good").await;
    let ticket = here.ticket().await.unwrap();
    assert_eq!(ticket.handled_by("notes", PATIENCE).await.unwrap(), Handled::Handled);
}

#[tokio::test]
async fn what_is_set_aside_is_said_to_be() {
    let scratch = Scratch::new();
    let events = events(&scratch).await;
    let _forwarder = events.forward();
    let before = events.ticket().await.unwrap();
    place(&events, "bad").await;
    place(&events, "good").await;
    let ticket = events.ticket().await.unwrap();
    assert_eq!(ticket.handled_by("notes", PATIENCE).await.unwrap(), Handled::SetAside);
    assert_eq!(before.handled_by("notes", PATIENCE).await.unwrap(), Handled::Handled);
}

#[tokio::test]
async fn nobody_handles_what_nobody_forwards() {
    let scratch = Scratch::new();
    let events = events(&scratch).await;
    place(&events, "good").await;
    let ticket = events.ticket().await.unwrap();
    let waited = ticket.handled_by("notes", Duration::from_millis(20)).await;
    assert_eq!(waited.unwrap(), Handled::TimedOut);
    let error = ticket.handled_by("refunds", PATIENCE).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownSubscription);
}
