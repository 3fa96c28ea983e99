//! The server's error codes, grouped by how the caller should react.

/// The meaning of a server's SQLSTATE for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The connection is gone, was never made, or leads to a server that is shut down or does not write.
    /// Another connection may lead to one that does.
    Lost,
    /// The session has lost its state: our prepared statements are gone.
    Spoilt,
    /// The transaction was rolled back because it conflicted with another one.
    Conflict,
    /// A lock that others hold; too many connections; no room in memory or on disk.
    Busy,
    /// A statement, or the transaction, exceeded its time limit.
    TooLong,
    /// More than the server accepts at once.
    TooLarge,
    /// An earlier statement of the transaction has failed.
    Aborted,
    /// Any other error: a retry fails in the same way.
    Other,
}

impl Class {
    /// Returns the class of the first entry that `code` starts with.
    pub(crate) fn of(code: &str) -> Self {
        let found = CLASSES.iter().find(|(prefix, _)| code.starts_with(prefix));
        found.map_or(Self::Other, |(_, class)| *class)
    }

    /// Returns true if the connection must not be used again.
    pub(crate) fn costs_the_connection(self) -> bool {
        matches!(self, Self::Lost | Self::Spoilt)
    }

    /// Returns true if retrying may succeed.
    pub(crate) fn is_retryable(self) -> bool {
        matches!(self, Self::Lost | Self::Spoilt | Self::Conflict | Self::Busy)
    }

    /// Returns true if less may succeed where this failed.
    pub(crate) fn may_fit_if_smaller(self, code: &str) -> bool {
        matches!(self, Self::TooLong | Self::TooLarge) || SMALLER.contains(&code)
    }
}

/// [Codes](https://www.postgresql.org/docs/current/errcodes-appendix.html) and prefixes of them. Codes
/// outside this list are not worth a retry: data, constraints, rights, syntax.
const CLASSES: [(&str, Class); 19] = [
    ("08", Class::Lost),    // connection exceptions, and all errors of PgBouncer
    ("25006", Class::Lost), // this server does not write
    ("25P02", Class::Aborted),
    ("25P03", Class::Lost),    // idle in a transaction for too long
    ("25P04", Class::Lost),    // the transaction took too long, and its session was ended
    ("26000", Class::Spoilt),  // no such prepared statement
    ("40002", Class::Other),   // integrity constraint violation
    ("40003", Class::Lost),    // completion unknown
    ("40", Class::Conflict),   // serialization failure, deadlock
    ("42P05", Class::Spoilt),  // the prepared statement already exists
    ("53", Class::Busy),       // disk full, out of memory, too many connections
    ("54", Class::TooLarge),   // program limits
    ("55006", Class::Busy),    // object in use
    ("55P03", Class::Busy),    // lock not available
    ("57014", Class::TooLong), // cancelled, as for `statement_timeout`
    ("57P", Class::Lost),      // shutdown, crash, starting, idle for too long
    ("58", Class::Busy),       // system errors outside the server
    ("72", Class::Conflict),   // snapshot too old
    ("HV00N", Class::Busy),    // a foreign server cannot be reached
];

/// The retryable codes where a smaller request may succeed: out of memory, a configured limit such as
/// that for temporary files, and `transaction_timeout`.
const SMALLER: [&str; 3] = ["53200", "53400", "25P04"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_of_the_class_that_says_what_to_do_about_it() {
        for (class, codes) in [
            (
                Class::Lost,
                &["08006", "08P01", "25006", "25P03", "25P04", "57P01", "57P03", "57P05"][..],
            ),
            (Class::Spoilt, &["26000", "42P05"]),
            (Class::Conflict, &["40001", "40P01", "40000", "72000"]),
            (Class::Busy, &["53100", "53200", "53300", "53400", "55P03", "55006", "58030"]),
            (Class::TooLong, &["57014"]),
            (Class::TooLarge, &["54000"]),
            (Class::Aborted, &["25P02"]),
            (
                Class::Other,
                &["22021", "23505", "40002", "42501", "42601", "55000", "P0001", "XX000"],
            ),
        ] {
            for code in codes {
                assert_eq!(Class::of(code), class, "{code}");
            }
        }
    }

    #[test]
    fn what_took_too_much_is_tried_with_less_and_what_cannot_be_reached_is_not() {
        for code in ["57014", "25P04", "53200", "53400", "54000"] {
            assert!(Class::of(code).may_fit_if_smaller(code), "{code}");
        }
        for code in ["08006", "57P01", "53100", "53300", "40001", "55P03", "42501"] {
            assert!(!Class::of(code).may_fit_if_smaller(code), "{code}");
        }
    }
}
