//! Why a service could not do what it was asked.

use ensue::BoxError;
use thiserror::Error;

use crate::domain::{OrderNo, ProductCode, Refusal};

#[derive(Debug, Error)]
pub(crate) enum ShopError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("there is no order {0}")]
    NoSuchOrder(OrderNo),
    #[error("there is no product `{0}`")]
    NoSuchProduct(ProductCode),
    #[error("the payment gateway did not refund")]
    Gateway(#[source] BoxError),
    /// The database, or whatever else is not the shop's to say.
    #[error(transparent)]
    Events(ensue::Error),
}

impl From<ensue::Error> for ShopError {
    /// What a handler in the transaction said is the shop's own word.
    fn from(error: ensue::Error) -> Self {
        error.downcast().unwrap_or_else(Self::Events)
    }
}
