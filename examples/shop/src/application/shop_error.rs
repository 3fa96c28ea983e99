//! Why a service could not do what it was asked.

use std::error::Error;

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
    /// A handler's veto, or the database.
    #[error(transparent)]
    Events(#[from] ensue::Error),
}

impl ShopError {
    /// What the shop itself said, also if it was a handler in the transaction that said it.
    pub(crate) fn in_our_words(&self) -> &Self {
        let Self::Events(error) = self else { return self };
        let of_handler = error.source().and_then(|source| source.downcast_ref::<Self>());
        of_handler.unwrap_or(self)
    }
}
