//! A product as JSON.

use serde::{Deserialize, Serialize};

use crate::domain::Product;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProductBody {
    pub(crate) product: String,
    pub(crate) name: String,
    pub(crate) price_cents: i64,
    pub(crate) is_returnable: bool,
    pub(crate) in_stock: u32,
}

impl From<Product> for ProductBody {
    fn from(product: Product) -> Self {
        Self {
            product: product.code.to_string(),
            name: product.name,
            price_cents: product.price.cents(),
            is_returnable: product.is_returnable,
            in_stock: product.in_stock,
        }
    }
}
