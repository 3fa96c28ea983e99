//! A view that is kept up to date behind the customer's back.
//!
//! A counter would show every event that was handled twice, or not at all. These handlers are given
//! the transaction in which the subscription's progress is recorded, so there is none.

use ensue::{Error, Tx};

use super::Database;
use crate::domain::{OrderCancelled, OrderPlaced};

pub(super) async fn add_placed<D: Database>(
    event: &OrderPlaced,
    tx: &mut Tx<D>,
) -> Result<(), Error> {
    for line in &event.lines {
        D::add_sold(tx, &line.product, line.quantity.into()).await?;
    }
    Ok(())
}

pub(super) async fn take_off_cancelled<D: Database>(
    event: &OrderCancelled,
    tx: &mut Tx<D>,
) -> Result<(), Error> {
    for line in &event.lines {
        D::add_sold(tx, &line.product, -i64::from(line.quantity)).await?;
    }
    Ok(())
}
