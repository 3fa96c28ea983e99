//! The runtime that units of work run on.

use std::fmt;

use ensue::BoxError;
use tokio::runtime::Builder;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Flavour {
    /// As web services have it: on one of its workers.
    MultiThread,
    /// As small programs and tests have it.
    CurrentThread,
}

impl Flavour {
    pub(crate) const BOTH: [Self; 2] = [Self::MultiThread, Self::CurrentThread];

    /// Runs `measure` on such a runtime; the one around it is of several threads.
    pub(crate) async fn run<F>(
        self,
        measure: impl FnOnce() -> F + Send + 'static,
    ) -> Result<(), BoxError>
    where
        F: Future<Output = Result<(), BoxError>> + Send,
    {
        match self {
            Self::MultiThread => measure().await,
            Self::CurrentThread => {
                let measured = tokio::task::spawn_blocking(|| {
                    Builder::new_current_thread().enable_all().build()?.block_on(measure())
                });
                measured.await?
            }
        }
    }
}

impl fmt::Display for Flavour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MultiThread => "multi-thread runtime",
            Self::CurrentThread => "current-thread runtime",
        })
    }
}
