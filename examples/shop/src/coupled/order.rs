//! An order that gives the money back itself.

use ensue::EventId;

use crate::application::{PaymentGateway, ShopError};
use crate::domain::{self, Address, OrderLine, OrderNo, OrderState, Refusal};

pub(super) struct Order {
    no: OrderNo,
    lines: Vec<OrderLine>,
    address: Address,
    state: OrderState,
}

impl Order {
    /// `async` for the gateway's sake, and with an error that is not the domain's own.
    pub(super) async fn cancel(&mut self, gateway: &impl PaymentGateway) -> Result<(), ShopError> {
        self.verify_not_cancelled()?;
        let is_paid = self.state == OrderState::Paid;
        self.state = OrderState::Cancelled;
        if is_paid {
            let amount = OrderLine::total(&self.lines);
            // No event was stored, so nothing outlives a rollback by which the gateway could
            // recognise a second attempt: the key is a new one each time.
            let key = EventId::now();
            gateway.refund(key, &self.no, amount).await.map_err(ShopError::Gateway)?;
        }
        Ok(())
    }

    pub(super) fn lines(&self) -> &[OrderLine] {
        &self.lines
    }

    fn verify_not_cancelled(&self) -> Result<(), Refusal> {
        match self.state {
            OrderState::Placed | OrderState::Paid => Ok(()),
            OrderState::Cancelled => Err(Refusal::CancelledAlready(self.no.clone())),
        }
    }
}

impl From<domain::Order> for Order {
    fn from(order: domain::Order) -> Self {
        Self {
            no: order.no().clone(),
            lines: order.lines().to_vec(),
            address: order.address().clone(),
            state: order.state(),
        }
    }
}

impl From<Order> for domain::Order {
    fn from(order: Order) -> Self {
        Self::restore(order.no, order.lines, order.address, order.state)
    }
}
