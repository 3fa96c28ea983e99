//! Another system is kept up to date.

use super::patience::wait_for;
use super::{Stage, Told};
use crate::application::Database;
use crate::web::AddressBody;

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("An address is changed: the delivery service learns of it")?;

    stage.says("A customer orders some tea, moves house, and then moves again.")?;
    let no = stage.place_and_pay(&[("tea", 1)]).await?;
    let head = stage.witness.head().await?;
    stage.change_address(&no, "3 High Street").await?;
    stage.change_address(&no, "8 Castle Road").await?;
    let order = stage.witness.order(&no).await?;
    stage.fact(
        format!("order {no} goes to 8 Castle Road"),
        &*order.address.street,
        "8 Castle Road",
    )?;
    let types = ["order.shipping_address_changed"; 2];
    stage.stored("both changes are stored:", head, &no, &types).await?;

    stage.says("Both ensue at the delivery service in their order, so the last one stays:")?;
    let (address, took) = wait_for("both changes at the delivery service", async || {
        let delivery = stage.witness.delivery(&no).await?;
        Ok(delivery.filter(|delivery| delivery.changes >= 2).map(|delivery| delivery.address))
    })
    .await?;
    let told = AddressBody { street: "8 Castle Road".into(), city: "Leeds".into() };
    stage.fact(format!("it delivers to 8 Castle Road, Leeds, {took:.1?} later"), address, told)
}
