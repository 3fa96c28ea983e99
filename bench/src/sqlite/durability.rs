//! What a commit waits for.

use std::fmt;

use sqlx::sqlite::SqliteSynchronous;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
/// What a commit waits for.
pub enum Durability {
    /// The disk: what users have unless they say otherwise. Most of the time is the disk's.
    Full,
    /// Nothing: what is left is work, ours and the database's.
    Off,
}

impl Durability {
    pub(crate) const BOTH: [Self; 2] = [Self::Off, Self::Full];

    pub(crate) fn synchronous(self) -> SqliteSynchronous {
        match self {
            Self::Full => SqliteSynchronous::Full,
            Self::Off => SqliteSynchronous::Off,
        }
    }

    /// A commit to disk costs several of the others: rounds of about the same length.
    pub(crate) fn commits(self, without_disk: u32) -> u32 {
        match self {
            Self::Full => without_disk / 5,
            Self::Off => without_disk,
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "synchronous=FULL",
            Self::Off => "synchronous=OFF",
        })
    }
}
