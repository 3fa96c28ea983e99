//! Who orders much pays less.

use ensue_core::raise;

use crate::domain::{OrderLine, OrderNo, VolumeDiscountGranted};

/// A domain service: the rule looks at all lines at once, before there is an order, so it is
/// neither a line's nor an order's.
#[derive(Debug)]
pub(crate) struct VolumeDiscount {
    pub(crate) quantity_min: u32,
    pub(crate) percent: u8,
}

impl VolumeDiscount {
    /// From ten articles on, five percent off.
    pub(crate) const OF_THE_HOUSE: Self = Self { quantity_min: 10, percent: 5 };

    /// The lines of the order `order_no` at the prices that their number deserves.
    pub(crate) fn grant(&self, order_no: &OrderNo, lines: Vec<OrderLine>) -> Vec<OrderLine> {
        if OrderLine::quantity_of_all(&lines) < self.quantity_min {
            return lines;
        }
        let reduced = OrderLine::all_reduced(&lines, self.percent);
        let saved = OrderLine::total(&lines) - OrderLine::total(&reduced);
        raise(VolumeDiscountGranted { order_no: order_no.clone(), saved });
        reduced
    }
}

#[cfg(test)]
mod tests {
    use ensue_core::{AnyEvent, capture};

    use super::*;
    use crate::domain::{Money, ProductCode};

    #[test]
    fn who_orders_much_pays_less_and_it_is_raised() {
        let (lines, raised) = grant(&[("mug", 6), ("tea", 4)]);
        assert_eq!(lines[0].price, Money::of_cents(950));
        let granted: &VolumeDiscountGranted = raised[0].downcast_ref().unwrap();
        assert_eq!(granted.saved, Money::of_cents(500));
        assert_eq!(raised.len(), 1);
    }

    #[test]
    fn who_orders_less_pays_the_price_and_nothing_is_raised() {
        let (lines, raised) = grant(&[("mug", 6), ("tea", 3)]);
        assert_eq!(lines[0].price, Money::of_cents(1_000));
        assert!(raised.is_empty());
    }

    fn grant(lines: &[(&str, u32)]) -> (Vec<OrderLine>, Vec<AnyEvent>) {
        let line = |&(product, quantity): &(&str, u32)| OrderLine {
            product: ProductCode::new(product),
            quantity,
            price: Money::of_cents(1_000),
        };
        let lines = lines.iter().map(line).collect();
        capture(|| VolumeDiscount::OF_THE_HOUSE.grant(&OrderNo::new("A-1"), lines))
    }
}
