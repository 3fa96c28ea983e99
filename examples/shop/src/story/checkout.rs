//! Two services in one unit of work.

use reqwest::StatusCode;

use super::{Stage, Told};
use crate::application::Database;
use crate::web::State;

pub(super) async fn tell<D: Database>(stage: &mut Stage<D>) -> Told {
    stage.chapter("A service joins the unit of work of another")?;

    stage
        .says("Checking out is changing the address and paying: two services, both or neither.")?;
    let no = stage.place(&[("tea", 2)]).await?;
    let head = stage.witness.head().await?;
    let answer = stage.check_out(&no, "3 High Street").await?;
    let order = stage.witness.order(&no).await?;
    let found = (order.state, &*order.address.street);
    stage.fact(
        format!("order {no} is paid, and goes to 3 High Street"),
        found,
        (State::Paid, "3 High Street"),
    )?;
    let types = ["order.shipping_address_changed", "order.paid"];
    stage.stored("both are stored, in one transaction:", head, &no, &types).await?;

    let stored = stage.witness.stored(head, &no).await?.into_iter();
    let stories = stored.map(|entry| entry.envelope.correlation_id.to_string());
    let (stories, named) = (stories.collect::<Vec<_>>(), answer.correlation_id);
    let told = vec![named.clone(), named];
    stage.fact("each bears the correlation id that the answer names", stories, told)?;

    stage.says("The customer checks out once more, to another address. It is changed, then …")?;
    let head = stage.witness.head().await?;
    let answer = stage.check_out(&no, "8 Castle Road").await?;
    let detail = answer.text("detail");
    stage.fact(format!("the shop refuses: {detail}"), answer.status, StatusCode::CONFLICT)?;
    let order = stage.witness.order(&no).await?;
    let street = &*order.address.street;
    stage.fact("it goes to 3 High Street still", street, "3 High Street")?;
    let stored = stage.witness.stored(head, &no).await?.len();
    stage.fact("nothing is stored", stored, 0)
}
