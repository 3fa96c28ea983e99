//! One of those that are compared.

use std::pin::Pin;
use std::time::Duration;

use ensue::BoxError;

/// One of those that are compared.
pub trait Arm: Send {
    /// Does the work of one round and says how long it took, without what prepares it.
    fn round(&mut self) -> impl Future<Output = Result<Duration, BoxError>> + Send;
}

/// An arm whose type is known at run time only.
pub(crate) trait AnyArm: Send {
    fn any_round(&mut self) -> Round<'_>;
}

pub(crate) type Round<'a> = Pin<Box<dyn Future<Output = Result<Duration, BoxError>> + Send + 'a>>;

impl<A: Arm> AnyArm for A {
    fn any_round(&mut self) -> Round<'_> {
        Box::pin(self.round())
    }
}
