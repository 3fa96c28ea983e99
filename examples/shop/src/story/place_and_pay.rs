//! An order is placed and paid.

use super::patience::wait_for;
use super::{Stage, Told};
use crate::application::Database;
use crate::domain::Money;
use crate::web::State;

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("An order is placed and paid")?;
    let head = stage.witness.head().await?;
    let (stock, sold) = (stage.witness.in_stock("mug").await?, stage.witness.sold("mug").await?);

    stage.says("A customer orders two mugs and some tea, and pays.")?;
    let no = stage.place_and_pay(&[("mug", 2), ("tea", 1)]).await?;
    let order = stage.witness.order(&no).await?;
    let amount = Money::of_cents(order.amount_cents);
    stage.fact(format!("order {no} over {amount} is paid"), order.state, State::Paid)?;
    let left = stage.witness.in_stock("mug").await?;
    stage.fact(format!("mugs in stock: {stock} → {left}"), left, stock - 2)?;
    let types = ["order.placed", "order.paid"];
    stage.stored("what happened is stored, in the same transactions:", head, &no, &types).await?;

    stage.says("Soon after, in a transaction of its own, a view is brought up to date.")?;
    let (now, took) = wait_for("two more mugs among the best sellers", async || {
        let now = stage.witness.sold("mug").await?;
        Ok((now != sold).then_some(now))
    })
    .await?;
    stage.fact(format!("mugs sold: {sold} → {now}, {took:.1?} later"), now, sold + 2)
}
