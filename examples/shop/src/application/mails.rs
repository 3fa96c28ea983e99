//! Who gets a mail about an order that was placed, or was not.
//!
//! A mail cannot be taken back, so it is sent once it is certain what happened. It may also be
//! missed: nobody's order fails because a mail server does.

use ensue::{BoxError, State};

use super::{Mailer, Recipient};
use crate::domain::OrderPlaced;

/// After the commit.
pub(super) async fn greet_customer<M: Mailer>(
    event: &OrderPlaced,
    State(mailer): State<M>,
) -> Result<(), BoxError> {
    let to = Recipient::CustomerOf(event.order_no.clone());
    let OrderPlaced { order_no, amount, .. } = event;
    mailer.send(&to, &format!("Thank you for your order {order_no} over {amount}.")).await
}

/// After a rollback: the order does not exist, nor does its number, but somebody wanted to buy.
pub(super) async fn tell_sales<M: Mailer>(
    event: &OrderPlaced,
    State(mailer): State<M>,
) -> Result<(), BoxError> {
    let text = format!("An order over {} came to nothing.", event.amount);
    mailer.send(&Recipient::Sales, &text).await
}
