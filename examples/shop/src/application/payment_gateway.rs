//! The port to whoever moves the money.

use ensue::{BoxError, EventId};

use crate::domain::{Money, OrderNo};

pub(crate) trait PaymentGateway: Clone + Send + Sync + 'static {
    /// Gives the customer of `order` back `amount`.
    ///
    /// It may be asked again with the same `key`, since an answer can get lost: the money MUST go
    /// back once for each key. An error that no further attempt would change SHOULD be
    /// [`ensue::permanent`], one that names the time of the next [`ensue::retry_after`].
    fn refund(
        &self,
        key: EventId,
        order: &OrderNo,
        amount: Money,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}
