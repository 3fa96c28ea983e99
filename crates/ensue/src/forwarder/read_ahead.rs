//! Entries in memory between their reading and their handling.

use std::collections::HashMap;

use ensue_core::Position;

use crate::store::{Page, Read, UnreadableEntry, position_of};
use crate::{Error, Log};

/// LIMIT: entries of a page. It costs one round trip, and a thousand rows spread it thin; at the
/// most two pages wait here, with a sink three, each also bounded in bytes.
pub(crate) const PAGE_ROWS: u32 = 1_000;

/// The entries that were read and have not begun.
#[derive(Default)]
pub(crate) struct ReadAhead(HashMap<Position, Read>);

impl ReadAhead {
    pub(crate) fn keep(&mut self, read: Read) {
        self.0.insert(position_of(&read), read);
    }

    /// The entry, if it was read; what is tried again is older.
    pub(crate) fn take(&mut self, position: Position) -> Option<Read> {
        self.0.remove(&position)
    }
}

/// Reads the entry at `position`; an entry that is no longer in the log is unreadable.
pub(crate) async fn read_one(log: &impl Log, position: Position) -> Result<Read, Error> {
    let found = match log.read(Page::new(position.previous(), 1)).await {
        Err(error) if error.oldest().is_none() => return Err(error),
        found => found.ok().and_then(|mut page| page.pop()),
    };
    let found = found.filter(|read| position_of(read) == position);
    Ok(found.unwrap_or_else(|| Err(UnreadableEntry::new(position, NOT_IN_LOG))))
}

const NOT_IN_LOG: &str = "it is no longer in the log, which was pruned or restored";
