//! What a customer wants.

use crate::domain::{Address, Coupon, ProductCode};

#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) quantities: Vec<(ProductCode, u32)>,
    pub(crate) coupon: Option<Coupon>,
    pub(crate) address: Address,
}
