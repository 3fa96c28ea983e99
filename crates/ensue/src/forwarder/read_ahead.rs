//! Entries in memory between their reading and their handling.

use std::collections::HashMap;

use ensue_core::{Entry, Position};

use crate::store::Page;
use crate::{Error, Log};

/// LIMIT: entries of a page. It costs one round trip, and a thousand rows spread it thin; at the
/// most two pages wait here, with a sink three, each also bounded in bytes.
pub(crate) const PAGE_ROWS: u32 = 1_000;

/// The entries that were read and have not begun.
#[derive(Default)]
pub(crate) struct ReadAhead(HashMap<Position, Entry>);

impl ReadAhead {
    pub(crate) fn keep(&mut self, entry: Entry) {
        self.0.insert(entry.position, entry);
    }

    /// The entry, if it was read; what is tried again is older.
    pub(crate) fn take(&mut self, position: Position) -> Option<Entry> {
        self.0.remove(&position)
    }
}

/// The entry at `position` alone.
pub(crate) async fn read_one(log: &impl Log, position: Position) -> Result<Entry, Error> {
    let found = log.read(Page::new(position.previous(), 1)).await?.pop();
    found.filter(|entry| entry.position == position).ok_or_else(|| {
        let what = format!("entry {position} was set aside and is not in the log any more");
        Error::store(what, "the log was pruned or restored", false)
    })
}
