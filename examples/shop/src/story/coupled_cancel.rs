//! The same cancellation without events and with.

use std::time::Duration;

use ensue::BoxError;
use reqwest::StatusCode;

use super::patience::wait_for;
use super::{Stage, Told};
use crate::web::State;

pub(super) async fn tell(stage: &mut Stage) -> Told {
    stage.chapter("Without events: the order itself calls the payment gateway, and waits")?;
    stage.says("The gateway is slow today. Two customers cancel, one of them in the old way.")?;
    let evented = cancel_evented(stage).await?;
    let coupled = cancel_coupled(stage).await?;
    let (coupled, evented) = (coupled.as_millis(), evented.as_millis());
    stage.fact(format!("coupled {coupled} ms, evented {evented} ms"), coupled > evented, true)?;
    order_meanwhile(stage).await?;
    lose_the_answer(stage).await
}

async fn cancel_evented(stage: &mut Stage) -> Result<Duration, BoxError> {
    let no = stage.place_and_pay(&[("tea", 1)]).await?;
    stage.payment_gateway_is("slow", &no).await?;
    let answer = stage.cancel(&no).await?;
    let refunds = stage.witness.refunds(&no).await?.refunds;
    stage.fact("evented: answered before the money had gone back", refunds, 0)?;
    wait_for("the refund of the slow gateway", async || {
        Ok((stage.witness.refunds(&no).await?.refunds > 0).then_some(()))
    })
    .await?;
    Ok(answer.took)
}

async fn cancel_coupled(stage: &mut Stage) -> Result<Duration, BoxError> {
    let no = stage.place_and_pay(&[("tea", 1)]).await?;
    stage.payment_gateway_is("slow", &no).await?;
    let answer = stage.cancel_coupled(&no).await?;
    let refunds = stage.witness.refunds(&no).await?.refunds;
    stage.fact("coupled: answered once the money had gone back", refunds, 1)?;
    Ok(answer.took)
}

async fn order_meanwhile(stage: &mut Stage) -> Told {
    stage.says(
        "While a coupled cancellation waits, its transaction is open: somebody else orders.",
    )?;
    let no = stage.place_and_pay(&[("tea", 1)]).await?;
    stage.payment_gateway_is("slow", &no).await?;
    let (cancelled, placed) = tokio::join!(stage.cancel_coupled(&no), place_meanwhile(stage, &no));
    let (before, after) = placed?;
    stage.fact("the coupled one is done in the end", cancelled?.status, StatusCode::OK)?;
    let text = "who ordered in the meantime had to wait until the money had gone back";
    stage.fact(text, (before, after), (0, 1))
}

/// Places an order once the gateway was asked about `no`: how often that was refunded before, and
/// when the order was placed.
async fn place_meanwhile(stage: &Stage, no: &str) -> Result<(u32, u32), BoxError> {
    wait_for("the gateway to be asked", async || {
        Ok(stage.witness.payment_gateway_has_waiting(no).await?.then_some(()))
    })
    .await?;
    let before = stage.witness.refunds(no).await?.refunds;
    stage.place(&[("mug", 1)]).await?;
    Ok((before, stage.witness.refunds(no).await?.refunds))
}

async fn lose_the_answer(stage: &mut Stage) -> Told {
    stage.says("The gateway refunds, and its answer gets lost. What now? This one rolls back:")?;
    let no = stage.place_and_pay(&[("tea", 1)]).await?;
    stage.payment_gateway_is("flaky", &no).await?;
    let answer = stage.cancel_coupled(&no).await?;
    stage.fact("the shop failed", answer.status, StatusCode::BAD_GATEWAY)?;
    stage.payment_gateway_is("ok", &no).await?;
    let (order, refunds) = (stage.witness.order(&no).await?, stage.witness.refunds(&no).await?);
    let text = format!("order {no} is still paid, and the money has gone back");
    stage.fact(text, (order.state, refunds.refunds), (State::Paid, 1))
}
