//! Work that is finished even if nobody waits for it any more.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// Polls its future in place; dropped half-way, hands the rest to the runtime.
///
/// BEGIN and COMMIT run in it: a request that is cancelled in the middle of either must not leave a
/// connection inside a transaction that nobody owns, nor a commit whose outcome nobody acts on.
pub(crate) struct Rescue<T: Send + 'static>(Option<Work<T>>);

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<T: Send + 'static> Rescue<T> {
    pub(crate) fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<T: Send + 'static> Future for Rescue<T> {
    type Output = T;

    #[expect(clippy::expect_used, reason = "the contract of `Future`: not polled after its end")]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let work = self.0.as_mut().expect("polled after it was ready");
        let result = work.as_mut().poll(cx);
        if result.is_ready() {
            self.0 = None;
        }
        result
    }
}

impl<T: Send + 'static> Drop for Rescue<T> {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and the database rolls back by itself.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}
