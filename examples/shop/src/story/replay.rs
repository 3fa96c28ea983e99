//! Another system has lost what it was told, and is told it all again.

use reqwest::StatusCode;

use super::{Stage, Told};
use crate::application::{DELIVERY, Database};
use crate::web::AddressBody;

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("A service has lost its books: what it was told is replayed to it")?;

    stage.says("A customer moves house, and the delivery service learns of it.")?;
    let no = stage.place_and_pay(&[("tea", 1)]).await?;
    stage.change_address(&no, "8 Castle Road").await?;
    stage.delivery_goes_to(&no, "8 Castle Road").await?;
    let cancelled = stage.place_and_pay(&[("mug", 1)]).await?;
    stage.cancel(&cancelled).await?;
    stage.is_refunded(&cancelled).await?;

    stage.says("Then it loses its books.")?;
    stage.delivery_service_loses_its_books().await?;
    let delivery = stage.witness.delivery(&no).await?;
    stage.fact("it knows nothing of the order", delivery.is_none(), true)?;

    stage.says("An operator has everything up to now replayed, to this one subscription:")?;
    let head = stage.witness.head().await?;
    let cursor = stage.witness.subscription(DELIVERY).await?.cursor;
    let answer = stage.replay(DELIVERY, (1, cursor), "anna: they lost their books").await?;
    stage.fact("each address change was told again", answer.status, StatusCode::OK)?;
    let delivery = stage.witness.delivery(&no).await?.map(|delivery| delivery.address);
    let told = AddressBody { street: "8 Castle Road".into(), city: "Leeds".into() };
    stage.fact("it delivers to 8 Castle Road, Leeds, again", delivery, Some(told))?;
    let after = stage.witness.subscription(DELIVERY).await?.cursor;
    stage.fact("the subscription stands where it stood", after >= cursor, true)?;
    let now = stage.witness.head().await?;
    stage.fact("the log has nothing new", now, head)?;
    let repeated = stage.witness.refunds(&cancelled).await?.repeated;
    stage.fact("and no refund was asked for again", repeated, 0)
}
