//! The same cancellation without events and with.

use std::time::Duration;

use ensue::BoxError;
use reqwest::StatusCode;

use super::patience::wait_for;
use super::{Stage, Told};
use crate::application::Database;
use crate::web::State;

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("Without events: the order itself calls the payment gateway, and waits")?;
    stage.says("The gateway is slow today. Two customers cancel, one of them in the old way.")?;
    let evented = cancel_evented(stage).await?;
    let coupled = cancel_coupled(stage).await?;
    let (coupled, evented) = (coupled.as_millis(), evented.as_millis());
    stage.line(format!("       coupled {coupled} ms, evented {evented} ms"))?;
    order_meanwhile(stage).await?;
    lose_the_answer(stage).await
}

async fn cancel_evented<D: Database>(stage: &mut Stage<D>) -> Result<Duration, BoxError> {
    let no = stage.place_and_pay(&[("tea", 1)]).await?;
    stage.payment_gateway_is("hold", &no).await?;
    let answer = stage.cancel(&no).await?;
    let refunds = stage.witness.refunds(&no).await?.refunds;
    stage.fact("evented: answered before the money had gone back", refunds, 0)?;
    stage.payment_gateway_is("slow", &no).await?;
    wait_for("the refund of the slow gateway", async || {
        Ok((stage.witness.refunds(&no).await?.refunds > 0).then_some(()))
    })
    .await?;
    Ok(answer.took)
}

async fn cancel_coupled<D: Database>(stage: &mut Stage<D>) -> Result<Duration, BoxError> {
    let no = stage.place_and_pay(&[("tea", 1)]).await?;
    stage.payment_gateway_is("slow", &no).await?;
    let answer = stage.cancel_coupled(&no).await?;
    let refunds = stage.witness.refunds(&no).await?.refunds;
    stage.fact("coupled: answered once the money had gone back", refunds, 1)?;
    Ok(answer.took)
}

async fn order_meanwhile<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.says(
        "While a coupled cancellation of some tea waits, its transaction is open. Others order.",
    )?;
    let no = stage.place_and_pay(&[("tea", 1)]).await?;
    stage.payment_gateway_is("hold", &no).await?;
    let (cancelled, others) = tokio::join!(stage.cancel_coupled(&no), others_order(stage, &no));
    let (mug, tea) = others?;
    stage.fact("the coupled one is done in the end", cancelled?.status, StatusCode::OK)?;
    let text = "who ordered tea, too, had to wait until the money had gone back";
    stage.fact(text, tea, (0, 1))?;
    match D::ONE_WRITER {
        true => stage.fact("so had who ordered a mug: the database has one writer", mug, (0, 1)),
        false => stage.fact("who ordered a mug had not: another row, another lock", mug, (0, 0)),
    }
}

/// The number of refunds of `no` before a customer ordered, and after.
type Meanwhile = (u32, u32);

/// Somebody orders a mug and somebody tea, once the gateway was asked about `no`. Whoever waits for
/// its answer would wait in vain as long as it is held; who does not, need not hurry.
async fn others_order<D: Database>(
    stage: &Stage<D>,
    no: &str,
) -> Result<(Meanwhile, Meanwhile), BoxError> {
    wait_for("the gateway to be asked", async || {
        Ok(stage.witness.payment_gateway_has_waiting(no).await?.then_some(()))
    })
    .await?;
    let before = stage.witness.refunds(no).await?.refunds;
    let (mug, tea) = if D::ONE_WRITER {
        stage.payment_gateway_is("slow", no).await?;
        tokio::try_join!(order(stage, no, "mug"), order(stage, no, "tea"))?
    } else {
        let mug = order(stage, no, "mug").await?;
        stage.payment_gateway_is("slow", no).await?;
        (mug, order(stage, no, "tea").await?)
    };
    Ok(((before, mug), (before, tea)))
}

/// Places an order and returns the number of refunds of `no` after it.
async fn order<D: Database>(stage: &Stage<D>, no: &str, product: &str) -> Result<u32, BoxError> {
    stage.place(&[(product, 1)]).await?;
    Ok(stage.witness.refunds(no).await?.refunds)
}

async fn lose_the_answer<D: Database>(stage: &mut Stage<D>) -> Told {
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
