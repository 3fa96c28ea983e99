//! The customer of a cancelled order gets the money back.

use ensue::{BoxError, Meta, State};

use super::PaymentGateway;
use crate::domain::OrderCancelled;

/// Calls the outside, so it is tried until it is done, and may be called again after it was: the
/// event's id, the same at each attempt, lets the gateway recognise that.
pub(super) async fn refund<G: PaymentGateway>(
    event: &OrderCancelled,
    State(gateway): State<G>,
    meta: Meta,
) -> Result<(), BoxError> {
    match event.refund {
        Some(amount) => gateway.refund(meta.id, &event.order_no, amount).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use ensue::{AnyEvent, Clock, EventId};

    use super::*;
    use crate::domain::{Money, OrderNo};

    #[derive(Clone, Default)]
    struct Asked(Arc<Mutex<Vec<(EventId, Money)>>>);

    impl PaymentGateway for Asked {
        async fn refund(&self, key: EventId, _: &OrderNo, amount: Money) -> Result<(), BoxError> {
            self.0.lock().unwrap().push((key, amount));
            Ok(())
        }
    }

    #[tokio::test]
    async fn the_key_of_a_refund_is_the_id_of_the_event() {
        let amount = Money::of_cents(1_290);
        let (meta, asked) = handle(Some(amount)).await;
        assert_eq!(*asked.0.lock().unwrap(), [(meta.id, amount)]);
    }

    #[tokio::test]
    async fn an_order_that_was_never_paid_asks_no_gateway() {
        let (_, asked) = handle(None).await;
        assert_eq!(*asked.0.lock().unwrap(), []);
    }

    async fn handle(amount: Option<Money>) -> (Meta, Asked) {
        let event = OrderCancelled { order_no: OrderNo::new("A-1"), lines: vec![], refund: amount };
        let raised = AnyEvent::new(event.clone(), Clock::system().now());
        let meta = Meta::of(&raised, EventId::now());
        let asked = Asked::default();
        refund(&event, State(asked.clone()), meta.clone()).await.unwrap();
        (meta, asked)
    }
}
