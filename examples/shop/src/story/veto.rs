//! A handler in the transaction says no.

use reqwest::StatusCode;

use super::witness::Refunds;
use super::{Stage, Told};
use crate::application::Database;
use crate::web::State;

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("A handler has a veto: nothing is changed, nothing is stored")?;

    stage.says("A customer orders a mug and a gift card, and pays.")?;
    let no = stage.place_and_pay(&[("mug", 1), ("gift-card", 1)]).await?;
    let (head, mugs) = (stage.witness.head().await?, stage.witness.in_stock("mug").await?);

    stage
        .says("The customer cancels. `restock` puts the mug back, then comes to the gift card.")?;
    let answer = stage.cancel(&no).await?;
    let detail = answer.text("detail");
    stage.fact(format!("the shop refuses: {detail}"), answer.status, StatusCode::CONFLICT)?;
    let order = stage.witness.order(&no).await?;
    stage.fact(format!("order {no} is still paid"), order.state, State::Paid)?;
    let left = stage.witness.in_stock("mug").await?;
    stage.fact(format!("mugs in stock: {mugs}, the one put back was rolled back"), left, mugs)?;
    let stored = stage.witness.stored(head, &no).await?.len();
    stage.fact("no event was stored, so nothing will ever ensue", stored, 0)?;
    let refunds = stage.witness.refunds(&no).await?;
    stage.fact("the payment gateway was not asked", refunds, Refunds::default())
}
