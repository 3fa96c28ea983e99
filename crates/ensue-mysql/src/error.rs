//! The driver's errors as ours.

use ensue::Error;
use sqlx::mysql::MySqlDatabaseError;

use crate::error_class::Class;

/// Turns a driver's error into ours, with what could not be done.
pub(crate) fn failed(what: impl FnOnce() -> String) -> impl FnOnce(sqlx::Error) -> Error {
    |error| {
        if class(&error) == Class::Conflict {
            return Error::conflict(what(), error);
        }
        let retryable = is_retryable(&error);
        Error::store(what(), error, retryable)
    }
}

/// What the driver has said, if it was the driver.
pub(crate) fn driver_error(error: &Error) -> Option<&sqlx::Error> {
    std::error::Error::source(error)?.downcast_ref()
}

/// The error for a failed commit: it is in doubt unless the server itself says that it did not commit.
/// `has_begun` is true if the COMMIT itself failed, and nothing before it.
pub(crate) fn not_committed(error: sqlx::Error, has_begun: bool) -> Error {
    match error {
        error if is_over(&error) => over(error),
        error if is_elsewhere(&error) => elsewhere(error),
        error if number(&error).is_none() => Error::in_doubt(error),
        error if has_begun && class(&error).leaves_a_commit_in_doubt() => Error::in_doubt(error),
        error => failed(|| "cannot commit".to_owned())(error),
    }
}

/// What was to be done in it is not done.
pub(crate) fn over(why: impl Into<ensue::BoxError>) -> Error {
    let what = "cannot commit: the transaction is over already; a statement that failed, one that \
                said so, or one that makes, changes or drops a table, has ended it: propagate the \
                errors of statements, leave COMMIT and ROLLBACK to the unit of work, and change \
                tables outside of it";
    Error::store(what, why, false)
}

/// The error for a unit of work that used tables other than ours, or wrote text in the wrong encoding.
fn elsewhere(why: sqlx::Error) -> Error {
    let what = "cannot commit: the unit of work has left its session in another database, or with \
                another character set, where events would be stored wrongly; name tables with their \
                database instead of `USE`, and leave `SET NAMES` alone";
    Error::store(what, why, false)
}

pub(crate) fn class(error: &sqlx::Error) -> Class {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => Class::Lost,
        error => number(error).map_or(Class::Other, Class::of),
    }
}

/// Returns true if the database was busy, full or unreachable, rather than the request wrong.
pub(crate) fn is_retryable(error: &sqlx::Error) -> bool {
    class(error).is_retryable()
}

/// Whether a row that was to be locked has changed since the transaction began to look, and the server
/// was told to refuse that.
pub(crate) fn is_stale_lock(error: &sqlx::Error) -> bool {
    number(error) == Some(CHANGED_SINCE)
}

/// Whether the savepoint is gone with which the transaction began.
fn is_over(error: &sqlx::Error) -> bool {
    number(error) == Some(1305)
}

/// Returns true if the check before a COMMIT found the session elsewhere: it fails with a number too large.
fn is_elsewhere(error: &sqlx::Error) -> bool {
    number(error) == Some(1690)
}

fn number(error: &sqlx::Error) -> Option<u16> {
    let database = error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(database.number())
}

/// The error number for a row that has changed.
const CHANGED_SINCE: u16 = 1020;

#[cfg(test)]
mod tests {
    use ensue::ErrorKind;

    use super::*;

    #[test]
    fn a_commit_without_an_answer_is_in_doubt_and_not_to_be_repeated() {
        let lost = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        for error in [sqlx::Error::Io(lost), sqlx::Error::WorkerCrashed] {
            let error = not_committed(error, false);
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::InDoubt, false));
        }
    }
}
