//! A product and how many of it are in stock.

use crate::domain::{Money, OrderLine, ProductCode, Refusal};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Product {
    pub(crate) code: ProductCode,
    pub(crate) name: String,
    pub(crate) price: Money,
    /// A gift card, once sold, may have been spent by somebody else.
    pub(crate) is_returnable: bool,
    pub(crate) in_stock: u32,
}

impl Product {
    /// Takes `quantity` out of stock for an order.
    pub(crate) fn take(&mut self, quantity: u32) -> Result<OrderLine, Refusal> {
        if quantity == 0 {
            return Err(Refusal::NothingOrdered);
        }
        let left = self.in_stock.checked_sub(quantity).ok_or_else(|| self.out_of_stock())?;
        self.in_stock = left;
        Ok(OrderLine { product: self.code.clone(), quantity, price: self.price })
    }

    /// Puts what an order had taken back into stock.
    pub(crate) fn put_back(&mut self, quantity: u32) -> Result<(), Refusal> {
        if !self.is_returnable {
            return Err(Refusal::NotReturnable(self.code.clone()));
        }
        self.in_stock = self.in_stock.saturating_add(quantity);
        Ok(())
    }

    fn out_of_stock(&self) -> Refusal {
        Refusal::OutOfStock { product: self.code.clone(), in_stock: self.in_stock }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_is_there() {
        let mut mugs = mugs(true);
        assert_eq!(mugs.take(3).map(|line| line.quantity), Ok(3));
        let refusal = Refusal::OutOfStock { product: ProductCode::new("mug"), in_stock: 2 };
        assert_eq!(mugs.take(3), Err(refusal));
        assert_eq!(mugs.in_stock, 2);
    }

    #[test]
    fn what_is_not_returnable_is_not_put_back() {
        let mut mugs = mugs(false);
        assert_eq!(mugs.put_back(1), Err(Refusal::NotReturnable(ProductCode::new("mug"))));
        assert_eq!(mugs.in_stock, 5);
    }

    fn mugs(is_returnable: bool) -> Product {
        Product {
            code: ProductCode::new("mug"),
            name: "Mug".to_owned(),
            price: Money::of_cents(1_290),
            is_returnable,
            in_stock: 5,
        }
    }
}
