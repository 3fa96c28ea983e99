//! A best seller as JSON.

use serde::{Deserialize, Serialize};

use crate::application::BestSeller;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BestSellerBody {
    pub(crate) product: String,
    pub(crate) sold: i64,
}

impl From<BestSeller> for BestSellerBody {
    fn from(best_seller: BestSeller) -> Self {
        Self { product: best_seller.product.to_string(), sold: best_seller.sold }
    }
}
