//! Why the domain says no.

use thiserror::Error;

use crate::domain::{OrderNo, ProductCode};

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error("an order needs at least one of something")]
    NothingOrdered,
    #[error("an address needs a street and a city")]
    AddressIncomplete,
    #[error("order {0} is paid already")]
    PaidAlready(OrderNo),
    #[error("order {0} was cancelled")]
    CancelledAlready(OrderNo),
    #[error("only {in_stock} of `{product}` are in stock")]
    OutOfStock { product: ProductCode, in_stock: u32 },
    #[error("`{0}` cannot be returned")]
    NotReturnable(ProductCode),
    #[error("`{0}` is no coupon of ours")]
    NoCoupon(String),
    #[error("coupon `{0}` was redeemed already")]
    CouponSpent(String),
}
