//! What a handler's error says of another attempt.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::BoxError;
use crate::subscription::Verdict;

/// An error of a durable handler that no further attempt would change: the entry is parked at once.
///
/// ```
/// # use ensue::BoxError;
/// fn refund(card: &str) -> Result<(), BoxError> {
///     if card.is_empty() {
///         return Err(ensue::permanent("no card to refund to").into());
///     }
///     Ok(())
/// }
/// ```
pub fn permanent(error: impl Into<BoxError>) -> Directed {
    Directed { verdict: Verdict::Never, error: error.into() }
}

/// An error of a durable handler that names the earliest time of another attempt, such as a server's
/// `Retry-After`; as many attempts as the policy allows.
///
/// ```
/// # use ensue::BoxError;
/// # use std::time::Duration;
/// fn refund(status: u16) -> Result<(), BoxError> {
///     match status {
///         429 => Err(ensue::retry_after(Duration::from_secs(60), "too many requests").into()),
///         _ => Ok(()),
///     }
/// }
/// ```
pub fn retry_after(pause: Duration, error: impl Into<BoxError>) -> Directed {
    Directed { verdict: Verdict::After(pause), error: error.into() }
}

/// What [`permanent`] and [`retry_after`] make; it reads as the error inside.
#[derive(Debug)]
pub struct Directed {
    verdict: Verdict,
    error: BoxError,
}

/// What `error`, or one behind it, says; the outermost counts.
pub(crate) fn verdict_of(error: &(dyn StdError + 'static)) -> Verdict {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(directed) = error.downcast_ref::<Directed>() {
            return directed.verdict;
        }
        next = error.source();
    }
    Verdict::Again
}

impl fmt::Display for Directed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl StdError for Directed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}
