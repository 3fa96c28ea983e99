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

    pub(crate) fn total(lines: &[Self]) -> Money {
        lines.iter().map(Self::amount).sum()
    }

    pub(super) fn quantity_of_all(lines: &[Self]) -> u32 {
        lines.iter().fold(0, |sum, line| sum.saturating_add(line.quantity))
    }

    pub(super) fn all_reduced(lines: &[Self], percent: u8) -> Vec<Self> {
        lines.iter().map(|line| Self { price: line.price.less(percent), ..line.clone() }).collect()
    }
}
