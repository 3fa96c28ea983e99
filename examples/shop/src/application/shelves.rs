//! The products that a unit of work needs.

use ensue::{Error, Tx};

use super::{Database, ShopError};
use crate::domain::{Product, ProductCode};

pub(super) struct Shelves(Vec<Product>);

impl Shelves {
    /// Finds the products of these codes, as far as there are any.
    ///
    /// ORDERING: by their codes, whatever the customer asked for first. Of two orders for the same
    /// products one then waits for the other; in the customers' order, each could have locked what the
    /// other needs next, and the database would end one of them.
    pub(super) async fn find<'a, D: Database>(
        tx: &mut Tx<D>,
        codes: impl Iterator<Item = &'a ProductCode>,
    ) -> Result<Self, Error> {
        let mut codes: Vec<_> = codes.collect();
        codes.sort_by_key(|code| code.as_str());
        codes.dedup();
        let mut products = Vec::new();
        for code in codes {
            products.extend(D::find_product(tx, code).await?);
        }
        Ok(Self(products))
    }

    pub(super) fn product(&mut self, code: &ProductCode) -> Result<&mut Product, ShopError> {
        let found = self.0.iter_mut().find(|product| product.code == *code);
        found.ok_or_else(|| ShopError::NoSuchProduct(code.clone()))
    }
}
