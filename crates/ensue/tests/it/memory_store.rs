//! State in memory is part of the unit of work like rows in a database.

use ensue::{Error, ErrorKind, Events, Position};

use crate::shop::{OrderPlaced, OrderService, OrderState, Store, Tx};

#[tokio::test]
async fn state_and_events_commit_together() {
    let store = Store::default();
    let events = Events::builder(store.clone()).build().await.unwrap();
    OrderService(events.clone()).place("A-1").await.unwrap();
    assert_eq!(store.state()["A-1"], OrderState::Placed);
    assert_eq!(events.head().await.unwrap(), Position::new(1));
}

async fn refuse(event: &OrderPlaced, tx: &mut Tx) -> Result<(), String> {
    tx.insert("B-1".to_owned(), OrderState::Placed);
    Err(format!("no room for {}", event.order_no))
}

#[tokio::test]
async fn state_and_events_roll_back_together() {
    let store = Store::default();
    let events = Events::builder(store.clone()).on(refuse).build().await.unwrap();
    let refused = OrderService(events.clone()).place("A-1").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Handler);
    assert!(store.state().is_empty());
    assert_eq!(events.head().await.unwrap(), Position::START);
}

#[tokio::test]
async fn a_savepoint_takes_back_state_too() {
    let store = Store::default();
    let events = Events::builder(store.clone()).build().await.unwrap();
    let run = events.run(async |tx| {
        tx.insert("A-1".to_owned(), OrderState::Placed);
        let undone = tx.savepoint(async |tx| {
            tx.insert("A-1".to_owned(), OrderState::Cancelled);
            Err::<(), _>(Error::configuration("no"))
        });
        assert!(undone.await.is_err());
        Ok::<_, Error>(())
    });
    run.await.unwrap();
    assert_eq!(store.state()["A-1"], OrderState::Placed);
}
