//! A cancellation, and what ensues from it.

use super::patience::wait_for;
use super::witness::Refunds;
use super::{Stage, Told};
use crate::application::Database;
use crate::domain::Money;
use crate::web::State;

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("An order is cancelled: its stock comes back, and so does the money")?;
    let stock = stage.witness.in_stock("mug").await?;

    stage.says("A customer orders two mugs and pays.")?;
    let no = stage.place_and_pay(&[("mug", 2)]).await?;
    let order = stage.witness.order(&no).await?;
    let amount = Money::of_cents(order.amount_cents);
    stage.fact(format!("order {no} over {amount} is paid"), order.state, State::Paid)?;
    let taken = stage.witness.in_stock("mug").await?;
    stage.fact(format!("mugs in stock: {stock} → {taken}"), taken, stock - 2)?;

    stage.says("The customer cancels. In one transaction, or not at all:")?;
    let head = stage.witness.head().await?;
    stage.cancel(&no).await?;
    let order = stage.witness.order(&no).await?;
    stage.fact(format!("order {no} is cancelled"), order.state, State::Cancelled)?;
    let back = stage.witness.in_stock("mug").await?;
    stage.fact(
        format!("mugs in stock: {taken} → {back}, by the handler `restock`"),
        back,
        stock,
    )?;
    stage.stored("what happened is stored:", head, &no, &["order.cancelled"]).await?;

    stage.says("From the stored event ensues, until it is done, the subscription `refunds`:")?;
    let (refunds, took) = wait_for("the refund at the payment gateway", async || {
        let refunds = stage.witness.refunds(&no).await?;
        Ok((refunds.refunds > 0).then_some(refunds))
    })
    .await?;
    let once = Refunds { refunds: 1, cents: amount.cents(), ..Refunds::default() };
    let text = format!("the payment gateway gave {amount} back, once, {took:.1?} later");
    stage.fact(text, refunds, once)
}
