//! Whoever pays collects points, one for each whole euro.

use ensue::{Error, Tx};

use super::Database;
use crate::domain::OrderPaid;

/// A payment that is handled twice would be points for nothing; given the transaction, it is not.
pub(super) async fn credit_points<D: Database>(
    event: &OrderPaid,
    tx: &mut Tx<D>,
) -> Result<(), Error> {
    D::credit_points(tx, &event.order_no, event.amount.cents() / 100).await
}
