//! Why there is no server, in a sentence for whoever runs the tests.

use std::error::Error;
use std::fmt::{self, Debug, Display};

/// Why a server could not be found, started, killed or started again.
pub struct Failure {
    message: String,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }

    /// For `map_err`: what could not be done, and the reason.
    pub(crate) fn cannot<E: Display>(what: impl Display) -> impl FnOnce(E) -> Self {
        move |error| Self::new(format!("cannot {what}: {error}"))
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// As it is displayed, so that an `unwrap` in a test shows the server's log line by line.
impl Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, formatter)
    }
}

impl Error for Failure {}
