//! What a customer can do with an order.

use ensue::{Events, Tx};

use super::{Database, ShopError};
use crate::domain::{Address, Order, OrderLine, OrderNo, ProductCode};

/// Each method is one unit of work: what it saves, the events that the domain raises below it, and
/// what ensues in the transaction happen together or not at all.
pub(crate) struct OrderService<D: Database> {
    events: Events<D>,
}

impl<D: Database> OrderService<D> {
    pub(crate) fn new(events: Events<D>) -> Self {
        Self { events }
    }

    pub(crate) async fn place(
        &self,
        wanted: &[(ProductCode, u32)],
        address: Address,
    ) -> Result<OrderNo, ShopError> {
        self.events
            .run(async |tx| {
                let lines = take_from_stock(tx, wanted).await?;
                let order = Order::place(D::next_order_no(tx).await?, lines, address)?;
                D::save_order(tx, &order).await?;
                Ok(order.no().clone())
            })
            .await
    }

    pub(crate) async fn pay(&self, no: &OrderNo) -> Result<(), ShopError> {
        self.events
            .run(async |tx| {
                let mut order = find(tx, no).await?;
                order.pay()?;
                Ok(D::save_order(tx, &order).await?)
            })
            .await
    }

    pub(crate) async fn cancel(&self, no: &OrderNo) -> Result<(), ShopError> {
        self.events
            .run(async |tx| {
                let mut order = find(tx, no).await?;
                order.cancel()?;
                Ok(D::save_order(tx, &order).await?)
            })
            .await
    }

    pub(crate) async fn change_address(&self, no: &OrderNo, to: Address) -> Result<(), ShopError> {
        self.events
            .run(async |tx| {
                let mut order = find(tx, no).await?;
                order.change_address(to)?;
                Ok(D::save_order(tx, &order).await?)
            })
            .await
    }
}

async fn find<D: Database>(tx: &mut Tx<D>, no: &OrderNo) -> Result<Order, ShopError> {
    D::find_order(tx, no).await?.ok_or_else(|| ShopError::NoSuchOrder(no.clone()))
}

async fn take_from_stock<D: Database>(
    tx: &mut Tx<D>,
    wanted: &[(ProductCode, u32)],
) -> Result<Vec<OrderLine>, ShopError> {
    let mut lines = Vec::new();
    for (code, quantity) in wanted {
        let found = D::find_product(tx, code).await?;
        let mut product = found.ok_or_else(|| ShopError::NoSuchProduct(code.clone()))?;
        lines.push(product.take(*quantity)?);
        D::save_product(tx, &product).await?;
    }
    Ok(lines)
}
