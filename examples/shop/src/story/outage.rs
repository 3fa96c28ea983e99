//! The payment gateway has a bad day.

use ensue::BoxError;
use ensue::subscription::{SetAside, SetAsideState};
use reqwest::StatusCode;

use super::patience::wait_for;
use super::witness::Refunds;
use super::{Stage, Told};
use crate::application::{Database, REFUNDS};
use crate::domain::Money;
use crate::web::State;

/// Enough attempts to show that it goes on trying.
const ATTEMPTS: u32 = 3;

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("The payment gateway is down: nobody waits, and the refund is done once")?;
    let no = cancel_while_down(stage).await?;
    refund_another(stage, &no).await?;
    come_back(stage, &no).await
}

async fn cancel_while_down<D: Database>(stage: &mut Stage<D>) -> Result<String, BoxError> {
    stage.says("The gateway cannot reach one customer's bank. This customer cancels.")?;
    let no = stage.place_and_pay(&[("mug", 1)]).await?;
    stage.payment_gateway_is("down", &no).await?;
    let answer = stage.cancel(&no).await?;
    stage.fact("the shop answered: it waits for no gateway", answer.status, StatusCode::OK)?;
    let order = stage.witness.order(&no).await?;
    stage.fact(format!("order {no} is cancelled"), order.state, State::Cancelled)?;

    stage.says("The refund fails, so it is set aside and tried again, after longer and longer:")?;
    let text = format!("{ATTEMPTS} attempts at the refund of {no}");
    let (entry, took) = wait_for(&text, async || {
        let entry = set_aside(stage, &no).await?;
        Ok(entry.filter(|entry| entry.attempts >= ATTEMPTS))
    })
    .await?;
    let is_retrying = matches!(entry.state, SetAsideState::Retrying { .. });
    let (attempts, position) = (entry.attempts, entry.position);
    let text = format!("`{REFUNDS}` set event {position} aside: {attempts} attempts in {took:.1?}");
    stage.fact(text, is_retrying, true)?;
    let failure = entry.failure.map(|failure| (failure.class.name(), failure.message));
    let (class, message) = failure.unwrap_or_default();
    stage.line(format!("       class `{class}`: {message}"))?;
    stage.fact("it failed with an error of the handler", class, "handler")?;
    Ok(no)
}

async fn refund_another<D: Database>(stage: &mut Stage<D>, no: &str) -> Told {
    stage.says("Another customer cancels meanwhile.")?;
    let other = stage.place_and_pay(&[("tea", 1)]).await?;
    stage.cancel(&other).await?;
    let (_, took) = wait_for("the refund of the other order", async || {
        let refunds = stage.witness.refunds(&other).await?;
        Ok((refunds.refunds > 0).then_some(()))
    })
    .await?;
    let waiting = set_aside(stage, no).await?.is_some();
    let text = format!("{other} is refunded {took:.1?} later, while {no} still waits");
    stage.fact(text, waiting, true)
}

async fn come_back<D: Database>(stage: &mut Stage<D>, no: &str) -> Told {
    stage
        .says("The gateway comes back. It refunds, but its answer gets lost; it is asked again.")?;
    stage.payment_gateway_is("flaky", no).await?;
    let (_, took) = wait_for("the refund to leave what is set aside", async || {
        Ok(set_aside(stage, no).await?.is_none().then_some(()))
    })
    .await?;
    stage.payment_gateway_is("ok", no).await?;
    let order = stage.witness.order(no).await?;
    let refunds = stage.witness.refunds(no).await?;
    let asked = refunds.refused + refunds.refunds + refunds.repeated;
    let (refused, repeated) = (refunds.refused, refunds.repeated);
    stage.fact(format!("`{REFUNDS}` is done with it, {took:.1?} later"), repeated, 1)?;
    stage
        .line(format!("       asked {asked} times: {refused} refused, 1 refunded, 1 recognised"))?;
    let amount = Money::of_cents(order.amount_cents);
    let once = Refunds { refunds: 1, cents: order.amount_cents, repeated, refused };
    stage.fact(format!("the payment gateway gave {amount} back, once"), refunds, once)
}

async fn set_aside<D: Database>(stage: &Stage<D>, no: &str) -> Result<Option<SetAside>, BoxError> {
    let status = stage.witness.status(REFUNDS).await?;
    Ok(status.set_aside.into_iter().find(|entry| entry.key.as_deref() == Some(no)))
}
