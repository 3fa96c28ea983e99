//! What ensues from units of work, with all of the forwarder over the store.

use std::marker::PhantomData;

use ensue::{BoxError, Builder, Error, Event, Events, Handled, Meta, Start, Tx, TxHandler, raise};
use serde::{Deserialize, Serialize};

use crate::backend::{Backend, PATIENCE, effects_of};

#[derive(Event, Serialize, Deserialize)]
#[event(type = "order.placed", key = order_no)]
pub(crate) struct OrderPlaced {
    pub(crate) order_no: String,
}

/// A handler whose effect is the order's number.
pub(crate) struct Note<B>(PhantomData<fn(B)>);

impl<B> Default for Note<B> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<B: Backend> TxHandler<OrderPlaced, B::Store> for Note<B> {
    async fn handle(
        &self,
        event: &OrderPlaced,
        _: &Meta,
        tx: &mut Tx<B::Store>,
    ) -> Result<(), BoxError> {
        B::add_effect(tx, &event.order_no).await;
        Ok(())
    }
}

pub(crate) async fn place<B: Backend>(events: &Events<B::Store>, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let run = events.run(async |_tx| {
            raise(OrderPlaced { order_no: format!("A-{number:03}") });
            Ok::<_, Error>(())
        });
        run.await.unwrap();
    }
}

pub(crate) fn builder<B: Backend>(store: B::Store, lanes: usize) -> Builder<B::Store> {
    Events::builder(store).subscription("notes", |subscription| {
        subscription.on(Note::<B>::default()).lanes(lanes).from(Start::Beginning)
    })
}

/// Everything, and nothing twice.
pub(crate) async fn assert_noted<B: Backend>(store: &B::Store, count: u32) {
    let mut found = effects_of::<B>(store).await;
    found.sort();
    let expected: Vec<_> = (0..count).map(|number| format!("A-{number:03}")).collect();
    assert_eq!(found, expected);
}

/// One after the other, or many at once.
pub async fn what_is_raised_is_handled_once_each_on_one_lane_and_on_many<B: Backend>(backend: &B) {
    let mut raised = 0;
    for lanes in [1, 8] {
        let events = builder::<B>(backend.open().await, lanes).build().await.unwrap();
        let forwarder = events.forward();
        place::<B>(&events, raised..raised + 40).await;
        raised += 40;
        let ticket = events.ticket().await.unwrap();
        assert_eq!(ticket.handled_by("notes", PATIENCE).await.unwrap(), Handled::Handled);
        assert_noted::<B>(events.store(), raised).await;
        assert!(forwarder.shutdown(PATIENCE).await);
    }
}

/// They share nothing but the database.
pub async fn one_process_forwards_what_another_one_raises<B: Backend>(backend: &B) {
    let raising = Events::builder(backend.open().await).build().await.unwrap();
    let handling = builder::<B>(backend.open().await, 1).build().await.unwrap();
    let forwarder = handling.forward();
    place::<B>(&raising, 0..20).await;
    let ticket = raising.ticket().await.unwrap();
    assert_eq!(ticket.handled_by("notes", PATIENCE).await.unwrap(), Handled::Handled);
    assert_noted::<B>(raising.store(), 20).await;
    assert!(forwarder.shutdown(PATIENCE).await);
}
