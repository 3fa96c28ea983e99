//! What cannot be taken back waits for the commit.

use reqwest::StatusCode;

use super::patience::wait_for;
use super::{Stage, Told};
use crate::application::Database;
use crate::web::State;

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("A mail is sent once it is certain what happened")?;
    order_and_get_mail(stage).await?;
    order_while_down(stage).await?;
    order_in_vain(stage).await
}

async fn order_and_get_mail<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.says("A customer orders some tea. After the commit, this process sends a mail.")?;
    let answer = stage.place_with_coupon(&[("tea", 1)], "TEA-20").await?;
    let no = answer.text("order_no");
    let (mails, took) = wait_for("the customer's mail", async || {
        let mails = stage.witness.mails_to(&customer_of(&no)).await?;
        Ok((!mails.is_empty()).then_some(mails))
    })
    .await?;
    let told = format!("Thank you for your order {no} over EUR 7.12.");
    stage.fact(format!("{took:.1?} later: “{told}”"), mails, vec![told])
}

async fn order_while_down<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.says("The mail server breaks down. Another customer orders.")?;
    stage.mail_service_is("down").await?;
    let failed = stage.witness.events.after_commit_counts().failed;
    let no = stage.place(&[("tea", 1)]).await?;
    let order = stage.witness.order(&no).await?;
    stage.fact(format!("order {no} is placed all the same"), order.state, State::Placed)?;
    stage.at_rest().await?;
    let counts = stage.witness.events.after_commit_counts();
    stage.fact("the failure reached nobody, and is counted", counts.failed, failed + 1)?;
    stage.mail_service_is("ok").await?;
    let mails = stage.witness.mails_to(&customer_of(&no)).await?;
    stage.fact("the mail is missed: what must happen is for a subscription", mails.len(), 0)
}

async fn order_in_vain<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.says(
        "Somebody orders with the first one's coupon. The order raises that it was placed,",
    )?;
    stage.line("   then the handler `redeem_once` finds the coupon spent.")?;
    let (head, mails) = (stage.witness.head().await?, stage.witness.mails().await?.len());
    let answer = stage.place_with_coupon(&[("mug", 1)], "TEA-20").await?;
    let detail = answer.text("detail");
    stage.fact(format!("the shop refuses: {detail}"), answer.status, StatusCode::CONFLICT)?;
    let now = stage.witness.head().await?;
    stage.fact("nothing is stored", now, head)?;
    stage.at_rest().await?;
    let told = ("sales".to_owned(), "An order over EUR 10.32 came to nothing.".to_owned());
    let new = stage.witness.mails().await?.split_off(mails);
    let new: Vec<_> = new.into_iter().map(|mail| (mail.to, mail.text)).collect();
    stage.fact("the customer gets no mail; after the rollback, sales do", new, vec![told])
}

fn customer_of(no: &str) -> String {
    format!("customer-of-{no}")
}
