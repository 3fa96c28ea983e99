//! What happened, for those who may ask one day.

use ensue::{AnyEvent, Error, Meta, Tx};

use super::Database;

/// Handles any event, also of a type that was made long after this was written: what it writes
/// down stands around every event. It is in the transaction, so the trail has what happened, all of
/// it, and nothing that did not.
pub(super) async fn write_down<D: Database>(
    _: &AnyEvent,
    meta: Meta,
    tx: &mut Tx<D>,
) -> Result<(), Error> {
    D::add_to_audit_trail(tx, &meta).await
}
