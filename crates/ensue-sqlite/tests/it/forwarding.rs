//! Durable subscriptions in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ensue::{BoxError, Meta, RetryPolicy, Start, State, raise};
use ensue_sqlite::{Events, Tx};

use crate::scratch::{OrderCancelled, OrderPlaced, Scratch, add_effect, effects, handled};

async fn note(event: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
    Ok(add_effect(tx, &event.order_no).await?)
}

async fn place(events: &Events, order_no: &str) {
    events
        .run(async |_tx| {
            raise(OrderPlaced::of(order_no, 1));
            Ok::<_, ensue::Error>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_raised_is_handled_durably_in_order() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.subscribe("notes", note).build().await.unwrap();
    let forwarder = events.forward();
    for order_no in ["A", "B", "C"] {
        place(&events, order_no).await;
    }
    handled(&events, "notes", events.head().await.unwrap()).await;
    assert_eq!(effects(events.store()).await, ["A", "B", "C"]);
    assert!(forwarder.shutdown(Duration::from_secs(10)).await);
}
