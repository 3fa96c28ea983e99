//! What a cancelled order had taken goes back into stock.

use ensue::Tx;

use super::shelves::Shelves;
use super::{Database, ShopError};
use crate::domain::{OrderCancelled, OrderLine};

/// Runs in the transaction of the cancellation. A product that cannot be returned makes it fail,
/// and with it the cancellation: a handler in the transaction has a veto.
pub(super) async fn restock<D: Database>(
    event: &OrderCancelled,
    tx: &mut Tx<D>,
) -> Result<(), ShopError> {
    put_back(tx, &event.lines).await
}

pub(crate) async fn put_back<D: Database>(
    tx: &mut Tx<D>,
    lines: &[OrderLine],
) -> Result<(), ShopError> {
    let mut shelves = Shelves::find(tx, lines.iter().map(|line| &line.product)).await?;
    for line in lines {
        let product = shelves.product(&line.product)?;
        product.put_back(line.quantity)?;
        D::save_product(tx, product).await?;
    }
    Ok(())
}
