//! Scenarios on the real store: given, when, eventually, with SQL in the handlers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ensue::testing::Scenario;
use ensue::{BoxError, Error, Position, State, raise};
use ensue_sqlite::Tx;

use crate::scratch::{OrderCancelled, Scratch, add_effect, cancelled, effects};

#[derive(Clone)]
struct Gateway(Arc<AtomicBool>);

async fn refund(
    event: &OrderCancelled,
    State(Gateway(is_up)): State<Gateway>,
    tx: &mut Tx,
) -> Result<(), BoxError> {
    add_effect(tx, &format!("{} refunded", event.order_no)).await?;
    if is_up.swap(true, Ordering::Relaxed) { Ok(()) } else { Err("the gateway is down".into()) }
}

#[tokio::test]
async fn retries_take_virtual_time_on_a_database_too() {
    let scratch = Scratch::new();
    let gateway = Gateway(Arc::default());
    let builder = scratch.builder().await.state(gateway).subscribe("refunds", refund);
    let mut scenario = Scenario::of(builder).await.unwrap();
    let events = scenario.events().clone();
    let cancelling = events.run(async |_tx| {
        raise(cancelled("A-1"));
        Ok::<_, Error>(())
    });
    scenario.when(cancelling).await.unwrap();
    scenario.settle().await.unwrap();
    assert_eq!(scenario.raised::<OrderCancelled>().await.unwrap(), [cancelled("A-1")]);
    assert!(effects(events.store()).await.is_empty(), "the first attempt was rolled back");

    let refunded = async || !effects(events.store()).await.is_empty();
    let took = scenario.eventually(refunded).await.unwrap();
    assert!(took <= Duration::from_secs(1), "{took:?}");
    let status = events.status("refunds").await.unwrap();
    assert!(status.has_handled(Position::new(1)) && status.owner.is_none());
}
