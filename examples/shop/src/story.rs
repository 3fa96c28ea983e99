//! The stories: what is done, and what ensues, told in the terminal and checked at each step.

mod answer;
mod cancel;
mod change_address;
mod feed;
mod outage;
mod patience;
mod place_and_pay;
mod stage;
mod try_yourself;
mod veto;
mod witness;

use ensue::BoxError;

pub(crate) use stage::Stage;

type Told = Result<(), BoxError>;

/// The story for who runs the shop for the first time.
pub(crate) async fn tell_first(stage: &mut Stage) -> Told {
    cancel::tell(stage).await?;
    change_address::tell(stage).await?;
    try_yourself::tell(stage).await
}

pub(crate) async fn tell_all(stage: &mut Stage) -> Told {
    place_and_pay::tell(stage).await?;
    cancel::tell(stage).await?;
    change_address::tell(stage).await?;
    veto::tell(stage).await?;
    outage::tell(stage).await?;
    feed::tell(stage).await?;
    stage.end()
}
