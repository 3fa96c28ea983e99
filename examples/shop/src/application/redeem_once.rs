//! A coupon is good for one order.

use ensue::Tx;

use super::{Database, ShopError};
use crate::domain::{CouponRedeemed, Refusal};

/// Runs in the transaction of the order: one whose coupon was spent is not placed at all, though
/// it has been raised that it was.
pub(super) async fn redeem_once<D: Database>(
    event: &CouponRedeemed,
    tx: &mut Tx<D>,
) -> Result<(), ShopError> {
    match D::redeem_coupon(tx, &event.coupon, &event.order_no).await? {
        true => Ok(()),
        false => Err(Refusal::CouponSpent(event.coupon.clone()).into()),
    }
}
