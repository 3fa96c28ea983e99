//! How long a commit waits for the disk.

use std::fmt;

/// How long a commit waits for the disk, which is waited for in any case.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Commits {
    /// As long as this one takes.
    AsTheDiskIs,
    /// A millisecond longer, as disks take that are somewhere in a network. PostgreSQL itself then
    /// waits for so long before it flushes, which is what commits that come at once have in common.
    SlowerBy1Ms,
}

impl Commits {
    pub(crate) const BOTH: [Self; 2] = [Self::AsTheDiskIs, Self::SlowerBy1Ms];

    /// Of all who connect to the database, the sequencer included.
    pub(crate) fn settings(self) -> &'static [(&'static str, u32)] {
        match self {
            Self::AsTheDiskIs => &[],
            Self::SlowerBy1Ms => &[("commit_delay", 1_000), ("commit_siblings", 0)],
        }
    }
}

impl fmt::Display for Commits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AsTheDiskIs => "commits as they are",
            Self::SlowerBy1Ms => "commits slower by 1 ms",
        })
    }
}
