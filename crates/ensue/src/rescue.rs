//! A commit that is finished even if nobody waits for it any more.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use crate::Error;

/// Polls a commit in place; dropped half-way, hands the rest to the runtime.
///
/// A request that is cancelled in the middle of its COMMIT must leave neither a connection whose
/// state nobody knows, nor a commit whose outcome nobody acts on.
pub(crate) struct Rescue(Option<Commit>);

type Commit = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl Rescue {
    pub(crate) fn new(commit: impl Future<Output = Result<(), Error>> + Send + 'static) -> Self {
        Self(Some(Box::pin(commit)))
    }
}

impl Future for Rescue {
    type Output = Result<(), Error>;

    #[expect(clippy::expect_used, reason = "the contract of `Future`: not polled after its end")]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let commit = self.0.as_mut().expect("polled after it was ready");
        let result = commit.as_mut().poll(cx);
        if result.is_ready() {
            self.0 = None;
        }
        result
    }
}

impl Drop for Rescue {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and the database rolls back by itself.
        if let (Some(commit), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async {
                if let Err(error) = commit.await {
                    tracing::warn!(%error, "a unit of work that nobody waits for did not commit");
                }
            });
        }
    }
}
