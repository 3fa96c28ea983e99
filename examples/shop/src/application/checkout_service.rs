//! The last page of an order.

use ensue::{Events, Tx};

use super::{Database, OrderService, ShopError};
use crate::domain::{Address, OrderNo};

/// It lets another service do the work, in a unit of work of its own.
pub(crate) struct CheckoutService<D: Database> {
    events: Events<D>,
    orders: OrderService<D>,
}

impl<D: Database> CheckoutService<D> {
    pub(crate) fn new(events: Events<D>) -> Self {
        Self { orders: OrderService::new(events.clone()), events }
    }

    /// Says where the order goes, and pays it: both or neither.
    #[ensue::service(self.events)]
    pub(crate) async fn check_out(
        &self,
        tx: &mut Tx<D>,
        no: &OrderNo,
        to: Address,
    ) -> Result<(), ShopError> {
        self.orders.change_address_in(tx, no, to).await?;
        self.orders.pay_in(tx, no).await
    }
}
