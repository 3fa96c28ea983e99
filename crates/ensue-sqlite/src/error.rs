//! The driver's errors as ours.

use ensue::Error;

/// Turns a driver's error into ours, with what could not be done.
pub(crate) fn failed(what: impl FnOnce() -> String) -> impl FnOnce(sqlx::Error) -> Error {
    |error| {
        let retryable = is_retryable(&error);
        Error::store(what(), error, retryable)
    }
}

/// What a COMMIT that failed says: only SQLite's own word that it did not commit is one.
pub(crate) fn not_committed(error: sqlx::Error) -> Error {
    match error {
        sqlx::Error::Database(_) => failed(|| "cannot commit".to_owned())(error),
        error => Error::in_doubt(error),
    }
}

/// Whether the database was busy, full, or out of reach, rather than asked for something wrong.
pub(crate) fn is_retryable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        error => result_code(error).is_some_and(|code| RETRYABLE.contains(&code)),
    }
}

/// Whether another connection holds the lock.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    result_code(error).is_some_and(|code| BUSY.contains(&code))
}

/// Returns true if the database was opened read-only (`SQLITE_READONLY`).
pub(crate) fn is_read_only(error: &sqlx::Error) -> bool {
    result_code(error) == Some(8)
}

/// Whether a statement was wrong for the state of the connection (`SQLITE_ERROR`).
pub(crate) fn is_misuse(error: &sqlx::Error) -> bool {
    result_code(error) == Some(1)
}

/// The driver gives extended codes; the lowest byte is the primary one.
fn result_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Primary [result codes](https://sqlite.org/rescode.html): `SQLITE_BUSY`, `SQLITE_LOCKED`,
const BUSY: [u32; 2] = [5, 6];

/// the same, `SQLITE_NOMEM`, `SQLITE_INTERRUPT`, `SQLITE_IOERR`, `SQLITE_FULL`, `SQLITE_CANTOPEN`,
/// `SQLITE_PROTOCOL`.
const RETRYABLE: [u32; 8] = [5, 6, 7, 9, 10, 13, 14, 15];

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
