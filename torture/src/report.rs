//! What writers tell of their transactions.

use std::fmt;
use std::str::{FromStr, SplitWhitespace};

use ensue::BoxError;

use crate::history::TransactionId;
use crate::mark::Mark;
use crate::moment::Moment;

/// What a writer tells of a transaction, as a line of text: it may be killed at any moment, and a line
/// is told wholly or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// It is about to be committed. Unless it is acknowledged, nobody knows whether it was.
    Committing {
        /// The mark of its first event.
        first: Mark,
        /// How many it has.
        events: u32,
        /// Before it began.
        began: Moment,
    },
    /// Its commit was acknowledged.
    Acknowledged {
        /// Which.
        id: TransactionId,
        /// After that.
        at: Moment,
    },
    /// So many events were rolled back on purpose.
    RolledBack {
        /// How many.
        events: u32,
    },
    /// A transaction failed, for whatever reason, and the writer goes on with the next one.
    Failed,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Committing { first, events, began } => {
                write!(f, "committing {first} {events} {began}")
            }
            Self::Acknowledged { id, at } => write!(f, "acknowledged {} {at}", id.get()),
            Self::RolledBack { events } => write!(f, "rolled-back {events}"),
            Self::Failed => f.write_str("failed"),
        }
    }
}

impl FromStr for Report {
    type Err = BoxError;

    fn from_str(line: &str) -> Result<Self, BoxError> {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("committing") => Ok(Self::Committing {
                first: next(&mut words)?,
                events: next(&mut words)?,
                began: Moment::from_micros(next(&mut words)?),
            }),
            Some("acknowledged") => Ok(Self::Acknowledged {
                id: TransactionId::from_number(next(&mut words)?),
                at: Moment::from_micros(next(&mut words)?),
            }),
            Some("rolled-back") => Ok(Self::RolledBack { events: next(&mut words)? }),
            Some("failed") => Ok(Self::Failed),
            _ => Err(format!("a writer said `{line}`").into()),
        }
    }
}

fn next<T: FromStr<Err: Into<BoxError>>>(words: &mut SplitWhitespace<'_>) -> Result<T, BoxError> {
    let word = words.next().ok_or("a writer said too little")?;
    word.parse().map_err(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mark::Key;

    #[test]
    fn a_report_is_understood_as_it_was_told() {
        let id = TransactionId::new(7, 9);
        let first = Mark::first(id, Key::hot(3), 4);
        let began = Moment::from_micros(12);
        for report in [
            Report::Committing { first, events: 50, began },
            Report::Acknowledged { id, at: began },
            Report::RolledBack { events: 3 },
            Report::Failed,
        ] {
            assert_eq!(report.to_string().parse::<Report>().unwrap(), report);
        }
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for line in ["", "hello", "committing 0", "acknowledged x 1"] {
            assert!(line.parse::<Report>().is_err(), "{line}");
        }
    }
}
