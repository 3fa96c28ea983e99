//! Another system is kept up to date with where an order goes.

use ensue::{BoxError, State};

use super::DeliveryService;
use crate::domain::ShippingAddressChanged;

/// Changes of one order arrive in their order, so the last address wins.
pub(super) async fn synchronise_delivery<S: DeliveryService>(
    event: &ShippingAddressChanged,
    State(service): State<S>,
) -> Result<(), BoxError> {
    service.set_address(&event.order_no, &event.address).await
}
