//! An order, from its placing to its end.

use ensue_core::raise;

use crate::domain::{
    Address, Money, OrderCancelled, OrderLine, OrderNo, OrderPaid, OrderPlaced, Refusal,
    ShippingAddressChanged,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    no: OrderNo,
    lines: Vec<OrderLine>,
    address: Address,
    state: OrderState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrderState {
    Placed,
    Paid,
    Cancelled,
}

impl Order {
    pub(crate) fn place(
        no: OrderNo,
        lines: Vec<OrderLine>,
        address: Address,
    ) -> Result<Self, Refusal> {
        if lines.is_empty() {
            return Err(Refusal::NothingOrdered);
        }
        let order = Self::restore(no, lines, address, OrderState::Placed);
        raise(OrderPlaced {
            order_no: order.no.clone(),
            lines: order.lines.clone(),
            amount: order.amount(),
        });
        Ok(order)
    }

    /// The order as it was stored. Nothing happened, so nothing is raised.
    pub(crate) fn restore(
        no: OrderNo,
        lines: Vec<OrderLine>,
        address: Address,
        state: OrderState,
    ) -> Self {
        Self { no, lines, address, state }
    }

    pub(crate) fn pay(&mut self) -> Result<(), Refusal> {
        self.verify_not_cancelled()?;
        if self.is_paid() {
            return Err(Refusal::PaidAlready(self.no.clone()));
        }
        self.state = OrderState::Paid;
        raise(OrderPaid { order_no: self.no.clone(), amount: self.amount() });
        Ok(())
    }

    pub(crate) fn cancel(&mut self) -> Result<(), Refusal> {
        self.verify_not_cancelled()?;
        let refund = self.is_paid().then(|| self.amount());
        self.state = OrderState::Cancelled;
        raise(OrderCancelled { order_no: self.no.clone(), lines: self.lines.clone(), refund });
        Ok(())
    }

    pub(crate) fn change_address(&mut self, to: Address) -> Result<(), Refusal> {
        self.verify_not_cancelled()?;
        self.address = to.clone();
        raise(ShippingAddressChanged { order_no: self.no.clone(), address: to });
        Ok(())
    }

    fn verify_not_cancelled(&self) -> Result<(), Refusal> {
        match self.state {
            OrderState::Placed | OrderState::Paid => Ok(()),
            OrderState::Cancelled => Err(Refusal::CancelledAlready(self.no.clone())),
        }
    }

    fn is_paid(&self) -> bool {
        self.state == OrderState::Paid
    }

    pub(crate) fn amount(&self) -> Money {
        OrderLine::total(&self.lines)
    }

    pub(crate) fn no(&self) -> &OrderNo {
        &self.no
    }

    pub(crate) fn lines(&self) -> &[OrderLine] {
        &self.lines
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn state(&self) -> OrderState {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use ensue_core::{AnyEvent, capture};

    use super::*;
    use crate::domain::ProductCode;

    #[test]
    fn cancelling_a_paid_order_raises_what_is_to_be_refunded() {
        let mut order = two_mugs(OrderState::Paid);
        let (outcome, raised) = capture(|| order.cancel());
        assert_eq!(outcome, Ok(()));
        let cancelled: &OrderCancelled = only(&raised);
        assert_eq!(cancelled.refund, Some(Money::of_cents(2_580)));
        assert_eq!(cancelled.lines, order.lines);
    }

    #[test]
    fn cancelling_an_order_that_was_never_paid_refunds_nothing() {
        let mut order = two_mugs(OrderState::Placed);
        let (_, raised) = capture(|| order.cancel());
        assert_eq!(only::<OrderCancelled>(&raised).refund, None);
    }

    #[test]
    fn an_order_is_cancelled_once() {
        let mut order = two_mugs(OrderState::Cancelled);
        let (outcome, raised) = capture(|| order.cancel());
        assert_eq!(outcome, Err(Refusal::CancelledAlready(order.no)));
        assert!(raised.is_empty());
    }

    #[test]
    fn an_order_is_paid_once() {
        let mut order = two_mugs(OrderState::Placed);
        let (outcomes, raised) = capture(|| [order.pay(), order.pay()]);
        assert_eq!(outcomes, [Ok(()), Err(Refusal::PaidAlready(order.no.clone()))]);
        assert_eq!(only::<OrderPaid>(&raised).amount, order.amount());
    }

    #[test]
    fn an_order_of_nothing_is_not_placed() {
        let (outcome, raised) = capture(|| Order::place(OrderNo::new("A-1"), vec![], mill_lane()));
        assert_eq!(outcome, Err(Refusal::NothingOrdered));
        assert!(raised.is_empty());
    }

    #[test]
    fn a_change_of_address_is_raised_with_the_new_one() {
        let mut order = two_mugs(OrderState::Placed);
        let to = Address::new("3 High Street", "Leeds").unwrap();
        let (_, raised) = capture(|| order.change_address(to.clone()));
        assert_eq!(only::<ShippingAddressChanged>(&raised).address, to);
        assert_eq!(order.address, to);
    }

    fn only<E: ensue_core::Event>(raised: &[AnyEvent]) -> &E {
        assert_eq!(raised.len(), 1);
        raised[0].downcast_ref().unwrap()
    }

    fn two_mugs(state: OrderState) -> Order {
        let price = Money::of_cents(1_290);
        let line = OrderLine { product: ProductCode::new("mug"), quantity: 2, price };
        Order::restore(OrderNo::new("A-1"), vec![line], mill_lane(), state)
    }

    fn mill_lane() -> Address {
        Address::new("12 Mill Lane", "York").unwrap()
    }
}
