//! What keeps a sink or a source from being made.

use std::fmt;

/// A sink or a source cannot be made; the [kind](Error::kind) says why.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// Why it cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The broker's address cannot be connected to: correct it.
    Address,
    /// A name is missing, or longer than AMQP's 255 bytes.
    Name,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Why it cannot be made.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
