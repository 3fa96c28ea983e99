//! The stories: what is done, and what ensues, told in the terminal and checked at each step.

mod answer;
mod audit_trail;
mod cancel;
mod change_address;
mod checkout;
mod coupled_cancel;
mod discounts;
mod feed;
mod loyalty_points;
mod mail;
mod narrator;
mod outage;
mod patience;
mod phone;
mod place_and_pay;
mod repair;
mod replay;
mod several_processes;
mod stage;
mod try_yourself;
mod veto;
mod witness;

use ensue::BoxError;

pub(crate) use narrator::Narrator;
pub(crate) use several_processes::tell as tell_of_several_processes;
pub(crate) use stage::Stage;

use crate::application::Database;

type Told = Result<(), BoxError>;

/// The story for who runs the shop for the first time.
pub(crate) async fn tell_first<D: Database>(stage: &mut Stage<D>) -> Told {
    cancel::tell(stage).await?;
    change_address::tell(stage).await?;
    try_yourself::tell(stage).await
}

pub(crate) async fn tell_all<D: Database>(stage: &mut Stage<D>) -> Told {
    place_and_pay::tell(stage).await?;
    coupled_cancel::tell(stage).await?;
    cancel::tell(stage).await?;
    change_address::tell(stage).await?;
    veto::tell(stage).await?;
    outage::tell(stage).await?;
    repair::tell(stage).await?;
    replay::tell(stage).await?;
    discounts::tell(stage).await?;
    mail::tell(stage).await?;
    checkout::tell(stage).await?;
    phone::tell(stage).await?;
    audit_trail::tell(stage).await?;
    loyalty_points::tell(stage).await?;
    feed::tell(stage).await?;
    stage.end()
}
