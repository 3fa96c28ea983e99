//! What ends a run.

use std::error::Error as StdError;
use std::fmt;

use ensue::store::LogId;
use ensue::{BoxError, Position};

/// A run ended, or a [`FileCursor`](super::FileCursor) could not do its work.
///
/// [`kind`](Error::kind) says what happened; the error of a handler is the
/// [`source`](StdError::source).
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    source: Option<BoxError>,
}

/// What happened, and by that what to do: none of these passes by itself, but for the handler's
/// own errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The feed's address cannot be asked: correct it.
    Address,
    /// The server does not let us read: the message has its reason.
    Refused,
    /// The server's answer is no page of a feed: is it the right address?
    Answer,
    /// Events are missing between the saved offset and the page, or in it. An operator must investigate.
    Gap,
    /// The answer comes from a different log than the saved offset. An operator must find out which events
    /// are missing, then save an offset of the new log with its identity or with none.
    OtherLog,
    /// The saved offset is beyond the end of the log, which was restored to an earlier moment and has lost
    /// events that were handled here. An operator must investigate, then save an offset that the log has.
    Ahead,
    /// The saved offset could not be read or written, or is not where the handler should have
    /// saved it.
    SavedOffset,
    /// The handler failed; the offset is where it saved it.
    Handler,
}

impl Error {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), source: None }))
    }

    pub(super) fn because(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(super) fn gap(last: Position, found: Position) -> Self {
        let message = format!("event {found} follows position {last} in the feed");
        Self::new(ErrorKind::Gap, message)
    }

    pub(super) fn other_log(feed: &str, found: Option<LogId>, saved: LogId, at: Position) -> Self {
        let found = match found {
            Some(found) => format!("answers with the log {found}"),
            None => "does not say which log it answers with".to_owned(),
        };
        let message = format!(
            "{feed} {found}, and the saved offset {at} is of the log {saved}; look up which events \
             are missing, then save an offset of the log to follow, without the old identity"
        );
        Self::new(ErrorKind::OtherLog, message)
    }

    pub(super) fn handler(page: &str, source: BoxError) -> Self {
        let message = format!("{page} is not handled");
        Self::own_or(source, ErrorKind::Handler, &message)
    }

    pub(super) fn unreadable_offset(source: BoxError) -> Self {
        Self::own_or(source, ErrorKind::SavedOffset, "cannot read the saved offset")
    }

    /// An error of ours, such as a file cursor's, has said everything itself.
    fn own_or(source: BoxError, kind: ErrorKind, message: &str) -> Self {
        match source.downcast::<Self>() {
            Ok(own) => *own,
            Err(source) => Self::new(kind, message).because(source),
        }
    }

    pub(super) fn unsaved_offset(owed: Position, saved: Position) -> Self {
        let message = format!(
            "the saved offset is {saved} after the page up to {owed} was handled; \
             save `offset_after` in `handle`, and let one run at a time have the offset"
        );
        Self::new(ErrorKind::SavedOffset, message)
    }

    /// What happened.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
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
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
