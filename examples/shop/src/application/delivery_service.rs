//! The port to whoever brings the parcel.

use ensue::BoxError;

use crate::domain::{Address, OrderNo};

pub(crate) trait DeliveryService: Clone + Send + Sync + 'static {
    /// Says where `order` goes. To say it again changes nothing.
    ///
    /// An error that no further attempt would change SHOULD be [`ensue::permanent`], one that names
    /// the time of the next [`ensue::retry_after`].
    fn set_address(
        &self,
        order: &OrderNo,
        address: &Address,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}
