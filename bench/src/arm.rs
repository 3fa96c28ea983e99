//! One of the two that are compared.

use std::time::Duration;

use ensue::BoxError;

pub(crate) trait Arm: Send {
    /// Does the work of one round and says how long it took, without what prepares it.
    fn round(&mut self) -> impl Future<Output = Result<Duration, BoxError>> + Send;
}
