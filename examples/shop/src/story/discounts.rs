//! Not only entities raise.

use super::{Stage, Told};
use crate::application::Database;
use crate::domain::Money;

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("A domain service and a value raise events too")?;
    let head = stage.witness.head().await?;

    stage.says("A customer orders six mugs and four teas, and has a coupon for 10 % off.")?;
    let no =
        stage.place_with_coupon(&[("mug", 6), ("tea", 4)], "SPRING-10").await?.text("order_no");
    let types = ["order.volume_discount_granted", "coupon.redeemed", "order.placed"];
    stage.stored("a service, a value and the order raised:", head, &no, &types).await?;
    let amount = Money::of_cents(stage.witness.order(&no).await?.amount_cents);
    let told = Money::of_cents(6 * 1_102 + 4 * 760);
    stage.fact(format!("the order is over {amount}, 5 % off and then 10 %"), amount, told)
}
