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
