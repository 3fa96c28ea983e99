//! A promise of a lower price.

use ensue_core::raise;

use crate::domain::{CouponRedeemed, OrderLine, OrderNo, Refusal};

/// A value: two coupons of one code are the same, and what a coupon promises stands in its code.
/// `SPRING-10` takes ten percent off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coupon {
    code: String,
    percent: u8,
}

/// LIMIT: the shop never gives more than half away.
const PERCENT_MAX: u8 = 50;

impl Coupon {
    pub(crate) fn new(code: &str) -> Result<Self, Refusal> {
        let code = code.trim();
        let percent = code.rsplit_once('-').and_then(|(_, percent)| percent.parse().ok());
        match percent {
            Some(percent @ 1..=PERCENT_MAX) => Ok(Self { code: code.to_owned(), percent }),
            _ => Err(Refusal::NoCoupon(code.to_owned())),
        }
    }

    /// The lines of the order `order_no` at the prices that the coupon promises.
    ///
    /// A value cannot know whether it was redeemed before; whoever hears of it can.
    pub(crate) fn redeem(&self, order_no: &OrderNo, lines: &[OrderLine]) -> Vec<OrderLine> {
        let reduced = OrderLine::all_reduced(lines, self.percent);
        raise(CouponRedeemed {
            order_no: order_no.clone(),
            coupon: self.code.clone(),
            saved: OrderLine::total(lines) - OrderLine::total(&reduced),
        });
        reduced
    }
}

#[cfg(test)]
mod tests {
    use ensue_core::capture;

    use super::*;
    use crate::domain::{Money, ProductCode};

    #[test]
    fn a_coupon_that_is_redeemed_raises_what_it_saved() {
        let coupon = Coupon::new("SPRING-10").unwrap();
        let (reduced, raised) = capture(|| coupon.redeem(&OrderNo::new("A-1"), &[two_mugs()]));
        assert_eq!(reduced[0].price, Money::of_cents(1_161));
        let redeemed: &CouponRedeemed = raised[0].downcast_ref().unwrap();
        assert_eq!(redeemed.coupon, "SPRING-10");
        assert_eq!(redeemed.saved, Money::of_cents(258));
        assert_eq!(raised.len(), 1);
    }

    #[test]
    fn a_coupon_promises_what_stands_in_its_code() {
        for code in ["", "SPRING", "SPRING-", "SPRING-0", "SPRING-51", "SPRING-ten"] {
            assert_eq!(Coupon::new(code), Err(Refusal::NoCoupon(code.to_owned())));
        }
        assert_eq!(Coupon::new(" SPRING-10 "), Coupon::new("SPRING-10"));
    }

    fn two_mugs() -> OrderLine {
        let price = Money::of_cents(1_290);
        OrderLine { product: ProductCode::new("mug"), quantity: 2, price }
    }
}
