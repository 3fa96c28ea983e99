//! Handlers of one unit of work.

use ensue::BoxError;
use serde_json::{Value, json};

use super::{Stage, Told};
use crate::application::Database;

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("Handlers of one call: they hear that call, and go with it")?;
    let mails = stage.witness.mails_to("sales").await?.len();

    stage.says("A clerk takes an order by phone, and reads out what happens.")?;
    let (first, happened) = take(stage, "mug", Some("PHONE-10")).await?;
    let told = json!([
        "EUR 1.29 off with coupon PHONE-10",
        format!("order {first} over EUR 11.61 placed"),
        "EUR 11.61 paid",
    ]);
    read_out(stage, &happened)?;
    stage.fact("the clerk heard of all three, in their order", happened, told)?;

    stage.says("The clerk takes another one, and somebody orders over the web.")?;
    let (second, happened) = take(stage, "tea", None).await?;
    let told = json!([format!("order {second} over EUR 8.90 placed"), "EUR 8.90 paid"]);
    read_out(stage, &happened)?;
    stage.fact("nothing is left of the first one", happened, told)?;
    stage.place(&[("tea", 1)]).await?;
    stage.at_rest().await?;
    let copies = stage.witness.mails_to("sales").await?.split_off(mails);
    let told = [first, second].map(|no| format!("Order {no} was taken by phone."));
    stage.fact("sales got a copy of each order by phone, and of no other", copies, told.into())
}

async fn take<D: Database>(
    stage: &Stage<D>,
    product: &str,
    coupon: Option<&str>,
) -> Result<(String, Value), BoxError> {
    let answer = stage.take_by_phone(product, coupon).await?;
    Ok((answer.text("order_no"), answer.body["happened"].clone()))
}

fn read_out<D: Database>(stage: &Stage<D>, happened: &Value) -> Told {
    let mut lines = happened.as_array().into_iter().flatten().filter_map(Value::as_str);
    lines.try_for_each(|line| stage.line(format!("       “{line}”")))
}
