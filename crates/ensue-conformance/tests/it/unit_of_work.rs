//! A service, handlers and a subscription that know nothing of the database behind them.

use std::time::Duration;

use ensue::testing::MemoryStore;
use ensue::{BoxError, Event, Events, Meta, Store, Tx, raise};
use serde::{Deserialize, Serialize};

use crate::memory_store;

#[derive(Event, Serialize, Deserialize)]
struct OrderCancelled {
    order_no: String,
}

/// A port of the domain, as an application would declare it.
trait Effects: Store {
    fn add(connection: &mut Self::Connection, name: String) -> impl Future<Output = ()> + Send;
}

impl Effects for MemoryStore<memory_store::Effects> {
    async fn add(effects: &mut memory_store::Effects, name: String) {
        effects.push(name);
    }
}

struct OrderService<S: Effects> {
    events: Events<S>,
}

impl<S: Effects> OrderService<S> {
    async fn cancel(&self, order_no: &str) -> Result<(), BoxError> {
        self.events
            .run(async |tx| {
                raise(OrderCancelled { order_no: order_no.to_owned() });
                S::add(tx, format!("{order_no} cancelled")).await;
                Ok(())
            })
            .await
    }
}

async fn restock<S: Effects>(event: &OrderCancelled, tx: &mut Tx<S>) -> Result<(), BoxError> {
    S::add(tx, format!("{} restocked", event.order_no)).await;
    Ok(())
}

async fn refund<S: Effects>(
    event: &OrderCancelled,
    meta: Meta,
    tx: &mut Tx<S>,
) -> Result<(), BoxError> {
    let position = meta.position.map(ensue::Position::get);
    S::add(tx, format!("{} refunded at {position:?}", event.order_no)).await;
    Ok(())
}

#[tokio::test]
async fn a_unit_of_work_is_written_once_for_every_store() {
    let store = MemoryStore::<memory_store::Effects>::default();
    // Nobody polls, and this store wakes nobody for commits of its own.
    let never = Duration::from_secs(3_600);
    let builder = Events::builder(store).poll(never).on(restock).subscribe("refunds", refund);
    let events = builder.build().await.unwrap();
    let forwarder = events.forward();
    until_owned(&events).await;
    let service = OrderService { events: events.clone() };
    let cancelling = tokio::spawn(async move { service.cancel("A-1").await });
    cancelling.await.unwrap().unwrap();
    let handled = async {
        let head = events.head().await.unwrap();
        while !events.status("refunds").await.unwrap().has_handled(head) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(600), handled).await.unwrap();
    assert!(forwarder.shutdown(Duration::from_secs(10)).await);
    let mut transaction = ensue::Transactions::begin(events.store()).await.unwrap();
    let expected = ["A-1 cancelled", "A-1 restocked", "A-1 refunded at Some(1)"];
    assert_eq!(std::mem::take(&mut *transaction), expected);
}

/// From then on only a wake-up lets the forwarder see what is new.
async fn until_owned(events: &Events<MemoryStore<memory_store::Effects>>) {
    while events.status("refunds").await.unwrap().owner.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
