//! The driver's errors as ours.

use ensue::Error;
use sqlx::postgres::PgDatabaseError;

/// Turns a driver's error into ours, with what could not be done.
pub(crate) fn failed(what: impl FnOnce() -> String) -> impl FnOnce(sqlx::Error) -> Error {
    |error| {
        if is_conflict(&error) {
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

/// Whether the server rolled back because of another transaction.
fn is_conflict(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| CONFLICTS.contains(&code))
}

/// Whether the database was busy, full, or out of reach, rather than asked for something wrong.
pub(crate) fn is_retryable(error: &sqlx::Error) -> bool {
    let is_retryable = |code: &str| RETRYABLE.iter().any(|class| code.starts_with(class));
    is_lost(error) || code(error).is_some_and(is_retryable)
}

/// Whether the connection is gone, or was never made.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        error => code(error).is_some_and(|code| LOST.iter().any(|class| code.starts_with(class))),
    }
}

/// Whether a statement was stopped because it took too long.
pub(crate) fn is_timeout(error: &sqlx::Error) -> bool {
    code(error) == Some("57014")
}

/// Whether an earlier statement of the transaction has failed.
pub(crate) fn is_aborted(error: &sqlx::Error) -> bool {
    code(error) == Some("25P02")
}

/// Whether a row that was to be locked has changed since the transaction began to look. Under `READ
/// COMMITTED` the row as it is now is looked at instead.
pub(crate) fn is_stale_lock(error: &sqlx::Error) -> bool {
    let database = error.as_database_error().and_then(|error| error.try_downcast_ref());
    // The message is in the server's language; the routine is not.
    let routine = database.and_then(PgDatabaseError::routine);
    code(error) == Some("40001") && routine == Some("ExecLockRows")
}

fn code(error: &sqlx::Error) -> Option<&str> {
    let database = error.as_database_error()?.try_downcast_ref::<PgDatabaseError>()?;
    Some(database.code())
}

/// [SQLSTATE](https://www.postgresql.org/docs/current/errcodes-appendix.html) codes and classes: a
/// connection that failed, a session that idled in a transaction, a server that is shut down or starts.
const LOST: [&str; 4] = ["08", "25P03", "25P04", "57P"];

/// Serialization failure, deadlock.
const CONFLICTS: [&str; 2] = ["40001", "40P01"];

/// The same, lock not available; not enough resources.
const RETRYABLE: [&str; 4] = ["40001", "40P01", "55P03", "53"];

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
