//! What can go wrong, and what to do about it.

use std::error::Error as StdError;
use std::fmt;

use ensue_core::{InvalidName, PayloadError, Position};

/// Whatever error a handler returns.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// A unit of work, or what runs one, failed.
///
/// [`kind`](Error::kind) says what happened, [`is_retryable`](Error::is_retryable) whether the same
/// again may succeed; the error of a handler is the [`source`](StdError::source).
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    handler: Option<&'static str>,
    retryable: bool,
    oldest: Option<Position>,
    source: Option<BoxError>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A handler in the transaction returned an error; everything was rolled back.
    Handler,
    /// Events kept raising events, deeper than the limit.
    Cascade,
    /// A second unit of work was opened inside the first.
    Nested,
    /// The unit of work had failed, or was abandoned half-way, before it was to commit.
    Abandoned,
    /// An aggregate recorded events that were never collected.
    Uncollected,
    /// An event cannot be stored: encoding it failed, or a name or text in it breaks its
    /// [rule](ensue_core::NameRule).
    Payload,
    /// A name or text breaks its [rule](ensue_core::NameRule).
    Name,
    /// The application was put together wrongly.
    Configuration,
    /// There is no subscription of that name.
    UnknownSubscription,
    /// No process runs the subscription.
    NotRun,
    /// There is no listener of that name.
    UnknownListener,
    /// Another process owns the subscription by now.
    Fenced,
    /// The entries that were asked for are not in the log any more.
    Pruned,
    /// The database rolled the transaction back because of another one: a serialization failure or a
    /// deadlock. The same again may succeed.
    Conflict,
    /// The connection was lost while it committed: nobody knows yet whether it did. To do the same
    /// again might do it twice.
    InDoubt,
    /// The database failed.
    Store,
}

impl Error {
    /// The database could not do `what`; `retryable` if the same again may succeed. For stores, and
    /// for repositories that have no better error of their own.
    pub fn store(what: impl Into<String>, source: impl Into<BoxError>, retryable: bool) -> Self {
        let mut error = Self::new(ErrorKind::Store, what).because(source.into());
        error.0.retryable = retryable;
        error
    }

    /// The database could not do `what`, and has rolled back, because of another transaction.
    pub fn conflict(what: impl Into<String>, source: impl Into<BoxError>) -> Self {
        let mut error = Self::new(ErrorKind::Conflict, what).because(source.into());
        error.0.retryable = true;
        error
    }

    /// A commit got no answer that says whether it was done.
    pub fn in_doubt(source: impl Into<BoxError>) -> Self {
        let message = "it is not known whether the transaction was committed";
        Self::new(ErrorKind::InDoubt, message).because(source.into())
    }

    /// Another process owns `subscription` by now: `epoch` is over.
    pub fn fenced(subscription: &str, epoch: u64) -> Self {
        let message =
            format!("epoch {epoch} of subscription `{subscription}` is over: it has a new owner");
        Self::new(ErrorKind::Fenced, message)
    }

    /// Entries right after `after` are not in the log any more; the oldest one left is at `oldest`.
    pub fn pruned(after: Position, oldest: Position) -> Self {
        let floor = oldest.previous();
        let message = format!(
            "the entries after position {after} are not in the log any more: it was pruned up to \
             {floor}; read on after {floor}"
        );
        let mut error = Self::new(ErrorKind::Pruned, message);
        error.0.oldest = Some(oldest);
        error
    }

    /// The application, or the database it is given, is put together wrongly.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    pub(crate) fn handler(handler: &'static str, event: &str, source: BoxError) -> Self {
        let message = format!("handler `{handler}` failed on event `{event}`");
        let mut error = Self::new(ErrorKind::Handler, message).because(source);
        error.0.handler = Some(handler);
        error
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            handler: None,
            retryable: false,
            oldest: None,
            source: None,
        }))
    }

    fn because(mut self, source: BoxError) -> Self {
        self.0.source = Some(source);
        self
    }

    /// What happened.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same again may succeed: the database was busy, full or out of reach.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// The error behind this one, as the `E` that it is; otherwise this one again.
    ///
    /// A handler that vetoes returns an error of the domain; this is how a service gets it back:
    ///
    /// ```
    /// # use std::fmt;
    /// #[derive(Debug)]
    /// struct NotReturnable;
    /// # impl fmt::Display for NotReturnable {
    /// #     fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result { f.write_str("no") }
    /// # }
    /// # impl std::error::Error for NotReturnable {}
    ///
    /// enum ShopError { NotReturnable, Events(ensue::Error) }
    ///
    /// impl From<ensue::Error> for ShopError {
    ///     fn from(error: ensue::Error) -> Self {
    ///         match error.downcast::<NotReturnable>() {
    ///             Ok(NotReturnable) => Self::NotReturnable,
    ///             Err(error) => Self::Events(error),
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// This error, if there is no `E` behind it.
    pub fn downcast<E: StdError + 'static>(mut self) -> Result<E, Self> {
        match self.0.source.take().map(<dyn StdError + Send + Sync>::downcast) {
            Some(Ok(source)) => Ok(*source),
            Some(Err(source)) => Err(self.because(source)),
            None => Err(self),
        }
    }

    /// The oldest position that is left in the log, of [`ErrorKind::Pruned`].
    pub fn oldest(&self) -> Option<Position> {
        self.0.oldest
    }

    /// The name of the handler that failed.
    pub fn failed_handler(&self) -> Option<&str> {
        self.0.handler
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<PayloadError> for Error {
    fn from(error: PayloadError) -> Self {
        let message = "cannot store an event";
        Self::new(ErrorKind::Payload, message).because(error.into())
    }
}

impl From<InvalidName> for Error {
    fn from(error: InvalidName) -> Self {
        Self::new(ErrorKind::Name, error.to_string())
    }
}
