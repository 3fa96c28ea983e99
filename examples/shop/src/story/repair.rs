//! An event that no attempt could handle, until somebody repairs what is wrong.

use ensue::BoxError;
use reqwest::StatusCode;

use super::patience::wait_for;
use super::witness::Refunds;
use super::{Stage, Told};
use crate::application::{DELIVERY, Database, REFUNDS};
use crate::domain::Money;
use crate::web::{AddressBody, SetAsideBody};

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("An event is poisoned: it is parked, and an operator has it tried again")?;
    let no = cancel_in_vain(stage).await?;
    refund_others(stage, &no).await?;
    repair_refund(stage, &no).await?;
    let no = move_in_vain(stage).await?;
    repair_delivery(stage, &no).await
}

async fn cancel_in_vain<D: Database>(stage: &mut Stage<D>) -> Result<String, BoxError> {
    stage.says("The payment gateway has lost one customer's card. This customer cancels.")?;
    let no = stage.place_and_pay(&[("mug", 1)]).await?;
    stage.payment_gateway_is("refuse", &no).await?;
    stage.cancel(&no).await?;
    let entries = wait_until_set_aside(stage, REFUNDS, &no, 1).await?;

    stage.says(
        "The gateway says that it never will, so it is not asked again. Who looks sees it:",
    )?;
    show(stage, REFUNDS, &entries)?;
    let found: Vec<_> = entries.iter().map(|entry| (&*entry.state, entry.attempts)).collect();
    stage.fact("it is parked after one attempt", found, vec![("parked", 1)])?;
    let refunds = stage.witness.refunds(&no).await?;
    let refused = Refunds { refused: 1, ..Refunds::default() };
    stage.fact("the payment gateway was asked once, and refused", refunds, refused)?;
    Ok(no)
}

async fn refund_others<D: Database>(stage: &mut Stage<D>, no: &str) -> Told {
    stage.says("Two other customers cancel.")?;
    let others =
        [stage.place_and_pay(&[("tea", 1)]).await?, stage.place_and_pay(&[("tea", 2)]).await?];
    for other in &others {
        stage.cancel(other).await?;
    }
    for other in &others {
        wait_for("the refund of another order", async || {
            Ok((stage.witness.refunds(other).await?.refunds > 0).then_some(()))
        })
        .await?;
    }
    let parked = set_aside(stage, REFUNDS, no).await?.len();
    stage.fact(format!("both are refunded, while {no} is parked"), parked, 1)
}

async fn repair_refund<D: Database>(stage: &mut Stage<D>, no: &str) -> Told {
    stage.says("The gateway finds the card. An operator asks for another attempt:")?;
    stage.payment_gateway_is("ok", no).await?;
    let entries = set_aside(stage, REFUNDS, no).await?;
    let position = entries.first().map(|entry| entry.position);
    let which = ("position", position.into());
    let answer = stage.retry(REFUNDS, which, "anna: the card was found").await?;
    let changed = answer.body["changed"].as_u64();
    stage.fact("it is done, for one event", (answer.status, changed), (StatusCode::OK, Some(1)))?;
    wait_until_set_aside(stage, REFUNDS, no, 0).await?;
    let cents = stage.witness.order(no).await?.amount_cents;
    let refunds = stage.witness.refunds(no).await?;
    let once = Refunds { refunds: 1, cents, refused: 1, repeated: 0 };
    let amount = Money::of_cents(cents);
    stage.fact(format!("the payment gateway gave {amount} back, once"), refunds, once)
}

async fn move_in_vain<D: Database>(stage: &mut Stage<D>) -> Result<String, BoxError> {
    stage
        .says("The delivery service knows nothing of a parcel. Its customer moves house, twice.")?;
    let no = stage.place_and_pay(&[("tea", 1)]).await?;
    stage.delivery_service_is("refuse", &no).await?;
    stage.change_address(&no, "3 High Street").await?;
    stage.change_address(&no, "8 Castle Road").await?;
    let entries = wait_until_set_aside(stage, DELIVERY, &no, 2).await?;
    show(stage, DELIVERY, &entries)?;
    let found: Vec<_> = entries.iter().map(|entry| (&*entry.state, entry.attempts)).collect();
    let told = vec![("parked", 1), ("queued", 0)];
    stage.fact("the second change waits for the first one", found, told)?;
    Ok(no)
}

async fn repair_delivery<D: Database>(stage: &mut Stage<D>, no: &str) -> Told {
    stage.says("The parcel turns up. The operator names the order this time:")?;
    stage.delivery_service_is("ok", no).await?;
    let answer = stage.retry(DELIVERY, ("key", no.into()), "ben: the parcel turned up").await?;
    let changed = answer.body["changed"].as_u64();
    stage.fact("it is done, for one event", (answer.status, changed), (StatusCode::OK, Some(1)))?;
    wait_until_set_aside(stage, DELIVERY, no, 0).await?;
    let delivery = stage.witness.delivery(no).await?;
    let found = delivery.map(|delivery| (delivery.changes, delivery.address));
    let last = AddressBody { street: "8 Castle Road".into(), city: "Leeds".into() };
    let text = "both changes ensued, in their order: it delivers to 8 Castle Road, Leeds";
    stage.fact(text, found, Some((2, last)))
}

/// As an operator sees it.
fn show<D: Database>(stage: &Stage<D>, subscription: &str, entries: &[SetAsideBody]) -> Told {
    stage.line(format!("     GET /api/subscriptions/{subscription}"))?;
    entries.iter().try_for_each(|entry| {
        let SetAsideBody { position, state, attempts, class, message, .. } = entry;
        stage.line(format!("       event {position}: {state}, attempts: {attempts}"))?;
        match (class, message) {
            (Some(class), Some(message)) => {
                stage.line(format!("       class `{class}`: {message}"))
            }
            _ => Ok(()),
        }
    })
}

async fn wait_until_set_aside<D: Database>(
    stage: &Stage<D>,
    subscription: &str,
    no: &str,
    count: usize,
) -> Result<Vec<SetAsideBody>, BoxError> {
    let text = format!("{count} events of {no} to be set aside by `{subscription}`");
    let look = async || {
        let entries = set_aside(stage, subscription, no).await?;
        Ok((entries.len() == count).then_some(entries))
    };
    wait_for(&text, look).await.map(|(entries, _)| entries)
}

async fn set_aside<D: Database>(
    stage: &Stage<D>,
    subscription: &str,
    no: &str,
) -> Result<Vec<SetAsideBody>, BoxError> {
    let mut entries = stage.witness.subscription(subscription).await?.set_aside;
    entries.retain(|entry| entry.key.as_deref() == Some(no));
    Ok(entries)
}
