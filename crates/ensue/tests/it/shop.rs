//! A shop with its state in memory.

use std::collections::BTreeMap;

use ensue::testing::MemoryStore;
use ensue::{Error, Event, Events, raise};
use serde::{Deserialize, Serialize};

/// The state of each order by its number.
pub(crate) type Orders = BTreeMap<String, OrderState>;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderState {
    Placed,
    Shipped,
    Cancelled,
}

pub(crate) type Store = MemoryStore<Orders>;
pub(crate) type Tx = ensue::Tx<Store>;

#[derive(Debug, Clone, PartialEq, Event, Serialize, Deserialize)]
#[event(type = "order.placed", key = order_no)]
pub(crate) struct OrderPlaced {
    pub(crate) order_no: String,
}

#[derive(Debug, Clone, PartialEq, Event, Serialize, Deserialize)]
#[event(type = "order.shipped", key = order_no)]
pub(crate) struct OrderShipped {
    pub(crate) order_no: String,
}

/// The application service.
pub(crate) struct OrderService(pub(crate) Events<Store>);

impl OrderService {
    pub(crate) async fn place(&self, order_no: &str) -> Result<(), Error> {
        let run = self.0.run(async |tx| {
            tx.insert(order_no.to_owned(), OrderState::Placed);
            raise(OrderPlaced { order_no: order_no.to_owned() });
            Ok(())
        });
        run.await
    }
}

pub(crate) fn placed(order_no: &str) -> OrderPlaced {
    OrderPlaced { order_no: order_no.to_owned() }
}

pub(crate) fn shipped(order_no: &str) -> OrderShipped {
    OrderShipped { order_no: order_no.to_owned() }
}
