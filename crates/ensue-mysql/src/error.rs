//! The driver's errors as ours.

use ensue::Error;
use sqlx::mysql::MySqlDatabaseError;

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
        error if is_over(&error) => over(error),
        sqlx::Error::Database(_) if !is_lost(&error) && !is_stopped(&error) => {
            failed(|| "cannot commit".to_owned())(error)
        }
        error => Error::in_doubt(error),
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

/// Whether the server rolled back because of another transaction.
fn is_conflict(error: &sqlx::Error) -> bool {
    number(error).is_some_and(|number| CONFLICTS.contains(&number))
}

/// Whether the database was busy, full, or out of reach, rather than asked for something wrong.
pub(crate) fn is_retryable(error: &sqlx::Error) -> bool {
    is_lost(error)
        || is_conflict(error)
        || number(error).is_some_and(|number| BUSY.contains(&number))
}

/// Whether the connection is gone, or was never made.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        error => number(error).is_some_and(|number| LOST.contains(&number)),
    }
}

/// Whether a row is locked by somebody else, and was not to be waited for.
pub(crate) fn is_locked(error: &sqlx::Error) -> bool {
    number(error).is_some_and(|number| LOCKED.contains(&number))
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

/// Whether somebody has stopped the statement: it may have been done.
fn is_stopped(error: &sqlx::Error) -> bool {
    matches!(number(error), Some(1317 | 1028))
}

fn number(error: &sqlx::Error) -> Option<u16> {
    let database = error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?;
    Some(database.number())
}

/// [Numbers](https://mariadb.com/kb/en/mariadb-error-code-reference/) of a server that is shut down, and
/// of a connection that was killed, was idle for too long, or broke.
const LOST: [u16; 10] = [1053, 1152, 1153, 1158, 1159, 1160, 1161, 1184, 1927, 4031];

/// Deadlock; a row that has changed.
const CONFLICTS: [u16; 2] = [1213, CHANGED_SINCE];
const CHANGED_SINCE: u16 = 1020;

/// A lock that others have for too long; too many connections, too little memory, or disk.
const BUSY: [u16; 9] = [1205, 3572, 1040, 1203, 1021, 1114, 1037, 1038, 1041];

/// MariaDB's, and MySQL's.
const LOCKED: [u16; 2] = [1205, 3572];

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
