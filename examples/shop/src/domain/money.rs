//! An amount in the shop's one currency.

use std::fmt;
use std::iter::Sum;
use std::ops::Sub;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Money {
    cents: i64,
}

impl Money {
    pub(crate) const fn of_cents(cents: i64) -> Self {
        Self { cents }
    }

    pub(crate) const fn cents(self) -> i64 {
        self.cents
    }

    pub(crate) fn times(self, quantity: u32) -> Self {
        Self { cents: self.cents.saturating_mul(quantity.into()) }
    }

    /// So many percent less, rounded in the customer's favour.
    pub(crate) fn less(self, percent: u8) -> Self {
        let left = 100 - i64::from(percent.min(100));
        Self { cents: self.cents.saturating_mul(left).div_euclid(100) }
    }
}

impl Sub for Money {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { cents: self.cents.saturating_sub(other.cents) }
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self { cents: amounts.fold(0, |sum, amount| sum.saturating_add(amount.cents)) }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EUR {}.{:02}", self.cents / 100, self.cents.unsigned_abs() % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_with_two_decimals() {
        assert_eq!(Money::of_cents(1_205).to_string(), "EUR 12.05");
        assert_eq!(Money::of_cents(1_290).times(2).to_string(), "EUR 25.80");
    }

    #[test]
    fn what_a_discount_leaves_is_rounded_in_the_customers_favour() {
        assert_eq!(Money::of_cents(1_295).less(10), Money::of_cents(1_165));
        assert_eq!(Money::of_cents(1_295).less(100), Money::of_cents(0));
    }
}
