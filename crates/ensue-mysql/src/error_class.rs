//! The server's error numbers, grouped by how the caller should react.

/// The meaning of a server's error number for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The connection is gone, was never made, or leads to a server that is shut down.
    Lost,
    /// This server does not write, like a former primary. Another connection may lead to one that does.
    ReadOnly,
    /// The transaction was rolled back because it conflicted with another one.
    Conflict,
    /// A lock that others held for too long, or that the statement did not wait for. The statement
    /// failed; the transaction is still open.
    Locked,
    /// Too many connections, statements or transactions, on the server or for the account.
    Busy,
    /// No room in memory, on disk, or in the lock table. A retry or a smaller request may succeed.
    Full,
    /// More than the server accepts in one transaction. A smaller one fits.
    TooLarge,
    /// A statement exceeded its time limit.
    TooLong,
    /// An operator stopped the statement.
    Stopped,
    /// Any other error: a retry fails in the same way.
    Other,
}

impl Class {
    pub(crate) fn of(number: u16) -> Self {
        let found = CLASSES.iter().find(|(_, numbers)| numbers.contains(&number));
        found.map_or(Self::Other, |(class, _)| *class)
    }

    /// Returns true if retrying may succeed.
    pub(crate) fn is_retryable(self) -> bool {
        use Class::{Busy, Conflict, Full, Locked, Lost, ReadOnly};
        matches!(self, Lost | ReadOnly | Conflict | Locked | Busy | Full)
    }

    /// Returns true if a smaller request may succeed.
    pub(crate) fn may_fit_if_smaller(self) -> bool {
        matches!(self, Self::TooLarge | Self::TooLong | Self::Full)
    }

    /// Returns true if a COMMIT that got this answer may have committed.
    pub(crate) fn leaves_a_commit_in_doubt(self) -> bool {
        matches!(self, Self::Lost | Self::Stopped | Self::TooLarge | Self::TooLong)
    }
}

/// The numbers come from [MariaDB](https://mariadb.com/kb/en/mariadb-error-code-reference/) and
/// [MySQL](https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html). No class lists 1153,
/// a message larger than `max_allowed_packet`: it closes the connection, and a retry would too.
const CLASSES: [(Class, &[u16]); 9] = [
    (
        Class::Lost,
        &[
            1043, // bad handshake, from a server or proxy that is shutting down
            1053, // shutdown in progress
            1077, 1079, // normal shutdown, and shutdown complete
            1152, // aborted connection
            1158, 1159, 1160, 1161, // network read or write errors
            1184, // aborted connection, new
            1927, // MariaDB: connection was killed
            3032, // MySQL: offline mode
            3168, // MySQL: the server is not available
            3169, // MySQL: session was killed
            4031, // MySQL: idle for too long
            4081, 4082, // MySQL: closed for its use of memory
        ],
    ),
    (
        Class::ReadOnly,
        &[
            1290, // prevented by an option: read_only
            1836, // read-only mode
            1874, // InnoDB is in read-only mode
            3989, // MySQL: the schema is read-only
        ],
    ),
    (
        Class::Conflict,
        &[
            1020, // a row has changed since it was read
            1213, // deadlock, and on a cluster: lost to another member
            1412, // the table's definition has changed
            1614, // deadlock, in a distributed transaction
            3101, // MySQL: rolled back during the commit, by group replication
            3197, // MySQL: the server asks for a retry
        ],
    ),
    (
        Class::Locked,
        &[
            1205, // waited too long for a lock
            1689, // the wait was aborted for a lock on the whole table
            3572, // MySQL: NOWAIT is set
            4145, // MariaDB: a backup holds it
        ],
    ),
    (
        Class::Busy,
        &[
            1040, 1203, // too many connections
            1047, // a cluster member that is not ready
            1129, // too many errors from this host
            1135, // no thread
            1226, // an account's limit
            1297, // a temporary error of the storage engine
            1461, // too many prepared statements
            1615, // the statement must be prepared again
            1637, // too many transactions
        ],
    ),
    (
        Class::Full,
        &[
            1021, 1026, 1878, 3675, // disk
            1114, // a table, or the temporary tablespace, is full
            1037, 1038, 1041, 3015, 3985, // memory
            1206, // the lock table
            3019, // MySQL: the undo log
        ],
    ),
    (
        Class::TooLarge,
        &[
            1105, // errors without their own number, such as write set limits of a cluster
            1180, // during the commit, by a cluster: too large, or refused
            1197, 1534, 1705, // the binary log's caches
            1713, // the undo log record
            1931, // MariaDB: too many rows examined
            3100, // MySQL: refused by group replication: too large, or no majority
            3170, // MySQL: the memory capacity of the optimizer
            3231, // MySQL: a write set that is too large
        ],
    ),
    (
        Class::TooLong,
        &[
            1969, // MariaDB: max_statement_time
            3024, // MySQL: max_execution_time
        ],
    ),
    (
        Class::Stopped,
        &[
            1028, // sort aborted
            1317, // interrupted
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_class() {
        let mut numbers: Vec<_> =
            CLASSES.iter().flat_map(|(_, numbers)| numbers.iter().copied()).collect();
        numbers.sort_unstable();
        let all = numbers.len();
        numbers.dedup();
        assert_eq!(numbers.len(), all);
    }

    #[test]
    fn errors_that_pass_are_retried_and_no_others() {
        for number in [1053, 1290, 1836, 1213, 1020, 1205, 3572, 1040, 1226, 1461, 1114, 1206] {
            assert!(Class::of(number).is_retryable(), "{number}");
        }
        // A message that is too large, a syntax error, a duplicate, a missing table.
        for number in [1153, 1064, 1062, 1146, 1197, 1969, 3024, 1317] {
            assert!(!Class::of(number).is_retryable(), "{number}");
        }
    }

    #[test]
    fn what_fails_for_its_size_is_tried_with_less() {
        for number in [1969, 3024, 1105, 1180, 1197, 1206, 1114, 3100, 3231, 1534, 1038, 1713] {
            assert!(Class::of(number).may_fit_if_smaller(), "{number}");
        }
        for number in [1205, 1213, 1290, 1062, 1053, 1317] {
            assert!(!Class::of(number).may_fit_if_smaller(), "{number}");
        }
    }
}
