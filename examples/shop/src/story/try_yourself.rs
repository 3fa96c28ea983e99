//! What the reader can do next.

use super::{Stage, Told};
use crate::application::Database;

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("Now you: the shop stays open")?;
    stage.says("Two more orders, for you to cancel:")?;
    let first = stage.place_and_pay(&[("mug", 1)]).await?;
    let second = stage.place_and_pay(&[("mug", 3)]).await?;
    let (shop, gateway) = (&stage.witness.shop, &stage.witness.payment_gateway);

    let ledger = stage.folder.join("ledger.db");
    let ledger = ledger.display();

    say_and_show(
        stage,
        "Cancel one, and see what ensued:",
        &[
            format!("curl -X POST {shop}/api/orders/{first}/cancel"),
            format!("curl {shop}/api/stock"),
            format!("curl {gateway}/refunds/{first}"),
        ],
    )?;
    say_and_show(
        stage,
        "Take the payment gateway down, cancel the other, and bring it back:",
        &[
            behaviour(gateway, "down"),
            format!("curl -X POST {shop}/api/orders/{second}/cancel"),
            format!("curl {shop}/api/subscriptions/refunds"),
            behaviour(gateway, "ok"),
            format!("curl {gateway}/refunds/{second}"),
        ],
    )?;
    say_and_show(
        stage,
        "Read the events, as another team would; then let its bookkeeper do it:",
        &[
            format!("curl '{shop}/api/events?offset=0&limit=10'"),
            "cargo run -p shop --bin bookkeeper -- \\".to_owned(),
            format!("  --feed {shop}/api/events --ledger {ledger}"),
        ],
    )?;
    stage.line("")
}

fn behaviour(gateway: &str, mode: &str) -> String {
    format!("curl -X PUT -d '{{\"mode\":\"{mode}\"}}' {gateway}/behaviour")
}

fn say_and_show<D: Database>(stage: &Stage<D>, text: &str, commands: &[String]) -> Told {
    stage.says(text)?;
    commands.iter().try_for_each(|command| stage.line(format!("     {command}")))
}
