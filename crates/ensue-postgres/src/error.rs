//! The driver's errors as ours.

use ensue::Error;
use sqlx::postgres::PgDatabaseError;

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

/// What a COMMIT that failed says: only the server's own word that it did not commit is one.
pub(crate) fn not_committed(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(_) if !is_lost(&error) => {
            failed(|| "cannot commit".to_owned())(error)
        }
        error => Error::in_doubt(error),
    }
}

/// Returns true if retrying may succeed: the database was busy, full or unreachable, rather than the
/// request wrong.
pub(crate) fn is_retryable(error: &sqlx::Error) -> bool {
    class(error).is_retryable()
}

/// Returns true if the connection is gone, was never made, or can no longer be used.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    class(error).costs_the_connection()
}

/// Returns true if a smaller request may succeed.
pub(crate) fn may_fit_if_smaller(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| class(error).may_fit_if_smaller(code))
}

/// Returns true if an earlier statement of the transaction has failed.
pub(crate) fn is_aborted(error: &sqlx::Error) -> bool {
    class(error) == Class::Aborted
}

fn class(error: &sqlx::Error) -> Class {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => Class::Lost,
        error => by_routine(error).or_else(|| code(error).map(Class::of)).unwrap_or(Class::Other),
    }
}

/// The class of an error whose code says too little. Messages are translated; routine names are not.
fn by_routine(error: &sqlx::Error) -> Option<Class> {
    match (code(error)?, database(error)?.routine()?) {
        // A standby, such as a former primary: it begins no transaction that may write.
        ("0A000", "check_transaction_read_only") => Some(Class::Lost),
        // A prepared statement whose columns have changed since then.
        ("0A000", "RevalidateCachedQuery") => Some(Class::Spoilt),
        _ => None,
    }
}

/// Whether a row that was to be locked has changed since the transaction began to look. Under `READ
/// COMMITTED` the row as it is now is looked at instead.
pub(crate) fn is_stale_lock(error: &sqlx::Error) -> bool {
    let routine = database(error).and_then(PgDatabaseError::routine);
    code(error) == Some("40001") && routine == Some("ExecLockRows")
}

fn code(error: &sqlx::Error) -> Option<&str> {
    database(error).map(PgDatabaseError::code)
}

fn database(error: &sqlx::Error) -> Option<&PgDatabaseError> {
    error.as_database_error()?.try_downcast_ref()
}

#[cfg(test)]
mod tests {
    use ensue::ErrorKind;

    use super::*;

    #[test]
    fn a_commit_without_an_answer_is_in_doubt_and_not_to_be_repeated() {
        let lost = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        for error in [sqlx::Error::Io(lost), sqlx::Error::WorkerCrashed] {
            let error = not_committed(error);
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::InDoubt, false));
        }
    }
}
