//! A service that has to know whom to call.

use ensue::Events;

use super::order::Order;
use crate::application::{Database, PaymentGateway, ShopError, find_order, put_back};
use crate::domain::OrderNo;

pub(crate) struct OrderService<D: Database, G: PaymentGateway> {
    events: Events<D>,
    gateway: G,
}

impl<D: Database, G: PaymentGateway> OrderService<D, G> {
    pub(crate) fn new(events: Events<D>, gateway: G) -> Self {
        Self { events, gateway }
    }

    /// The transaction is open from the first line to the last, however long the gateway takes.
    pub(crate) async fn cancel(&self, no: &OrderNo) -> Result<(), ShopError> {
        self.events
            .run(async |tx| {
                let mut order = Order::from(find_order(tx, no).await?);
                put_back(tx, order.lines()).await?;
                order.cancel(&self.gateway).await?;
                Ok(D::save_order(tx, &order.into()).await?)
            })
            .await
    }
}
