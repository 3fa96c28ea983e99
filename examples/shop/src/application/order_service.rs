//! What a customer can do with an order.

use ensue::{Events, Tx};

use super::shelves::Shelves;
use super::{Database, ShopError, Wanted};
use crate::domain::{Address, Order, OrderLine, OrderNo, ProductCode, VolumeDiscount};

/// Each method is one unit of work: what it saves, the events that the domain raises below it, and
/// what ensues in the transaction happen together or not at all.
///
/// Those marked as a service have a second form each, `…_in`, that joins a unit of work which is
/// open. [`cancel`](Self::cancel) is written out: the same door, by hand.
pub(crate) struct OrderService<D: Database> {
    events: Events<D>,
}

impl<D: Database> OrderService<D> {
    pub(crate) fn new(events: Events<D>) -> Self {
        Self { events }
    }

    #[ensue::service(self.events)]
    pub(crate) async fn place(&self, tx: &mut Tx<D>, wanted: Wanted) -> Result<OrderNo, ShopError> {
        let Wanted { quantities, coupon, address } = wanted;
        let no = D::next_order_no(tx).await?;
        let lines = take_from_stock(tx, &quantities).await?;
        let mut lines = VolumeDiscount::OF_THE_HOUSE.grant(&no, lines);
        if let Some(coupon) = coupon {
            lines = coupon.redeem(&no, &lines);
        }
        let order = Order::place(no, lines, address)?;
        D::save_order(tx, &order).await?;
        Ok(order.no().clone())
    }

    #[ensue::service(self.events)]
    pub(crate) async fn pay(&self, tx: &mut Tx<D>, no: &OrderNo) -> Result<(), ShopError> {
        let mut order = find_order(tx, no).await?;
        order.pay()?;
        Ok(D::save_order(tx, &order).await?)
    }

    pub(crate) async fn cancel(&self, no: &OrderNo) -> Result<(), ShopError> {
        self.events
            .run(async |tx| {
                let mut order = find_order(tx, no).await?;
                order.cancel()?;
                Ok(D::save_order(tx, &order).await?)
            })
            .await
    }

    #[ensue::service(self.events)]
    pub(crate) async fn change_address(
        &self,
        tx: &mut Tx<D>,
        no: &OrderNo,
        to: Address,
    ) -> Result<(), ShopError> {
        let mut order = find_order(tx, no).await?;
        order.change_address(to)?;
        Ok(D::save_order(tx, &order).await?)
    }
}

pub(crate) async fn find_order<D: Database>(
    tx: &mut Tx<D>,
    no: &OrderNo,
) -> Result<Order, ShopError> {
    D::find_order(tx, no).await?.ok_or_else(|| ShopError::NoSuchOrder(no.clone()))
}

async fn take_from_stock<D: Database>(
    tx: &mut Tx<D>,
    wanted: &[(ProductCode, u32)],
) -> Result<Vec<OrderLine>, ShopError> {
    let mut shelves = Shelves::find(tx, wanted.iter().map(|(code, _)| code)).await?;
    let mut lines = Vec::new();
    for (code, quantity) in wanted {
        let product = shelves.product(code)?;
        lines.push(product.take(*quantity)?);
        D::save_product(tx, product).await?;
    }
    Ok(lines)
}
