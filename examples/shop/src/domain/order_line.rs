//! So many of one product, at the price of the day.

use serde::{Deserialize, Serialize};

use crate::domain::{Money, ProductCode};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OrderLine {
    pub(crate) product: ProductCode,
    pub(crate) quantity: u32,
    pub(crate) price: Money,
}

impl OrderLine {
    pub(crate) fn amount(&self) -> Money {
        self.price.times(self.quantity)
    }
}
