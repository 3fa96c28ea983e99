//! Applications that are put together wrongly.

use std::time::Duration;

use ensue::{Error, ErrorKind, Event, Position, State, raise};
use serde::{Deserialize, Serialize};

use crate::scratch::{OrderPlaced, Scratch, Told, restock};

mod elsewhere {
    use super::{Deserialize, Event, Serialize};

    #[derive(Event, Serialize, Deserialize)]
    #[event(type = "order.placed")]
    pub(super) struct OrderPlaced;
}

#[tokio::test]
async fn an_event_that_goes_by_anothers_name_is_not_stored() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.on(async |_: &OrderPlaced| {}).build().await.unwrap();
    let run = events.run(async |_tx| {
        raise(elsewhere::OrderPlaced);
        Ok::<_, Error>(())
    });
    let error = run.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(events.head().await.unwrap(), Position::START);
}

#[tokio::test]
async fn what_cannot_work_fails_at_build_by_name() {
    async fn counted(_: &OrderPlaced, State(_): State<u64>) {}
    async fn other(_: &elsewhere::OrderPlaced) {}
    async fn local(_: &Told) {}
    let scratch = Scratch::new();
    let error = scratch
        .builder()
        .await
        .state(1_u8)
        .state(2_u8)
        .on(counted)
        .on(other)
        .subscribe("told", local)
        .subscribe("twice", restock)
        .subscribe("twice", restock)
        .subscribe("", restock)
        .subscription("idle", |subscription| subscription)
        .subscription("double", |subscription| subscription.on(restock).on(restock))
        .lease(Duration::from_millis(1))
        .build()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let words = error.to_string();
    for problem in [
        "two states are a `u8`",
        "::counted` asks for `State<u64>`",
        "event type `order.placed` is both",
        "subscription `told` handles event `Told`, which is local",
        "two subscriptions are called `twice`",
        "subscription `` is empty",
        "subscription `idle` has neither a handler nor a sink",
        "subscription `double` has two handlers of event `order.cancelled`",
        "a lease of 1ms is less than 100ms",
    ] {
        assert!(words.contains(problem), "no `{problem}` in: {words}");
    }
}
