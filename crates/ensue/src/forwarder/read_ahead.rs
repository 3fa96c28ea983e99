//! Entries in memory between their reading and their handling.

use std::collections::VecDeque;

use ensue_core::{Entry, Position};

use crate::store::Page;
use crate::{Error, Log};

/// LIMIT: entries read ahead. A page costs one round trip, and a thousand rows spread it thin.
const ROWS: u32 = 1_000;

/// The entries that were read and not yet handled, in the order of their positions.
#[derive(Default)]
pub(crate) struct ReadAhead(VecDeque<Entry>);

impl ReadAhead {
    /// Reads the entries after `after`, in place of those there are.
    pub(crate) async fn read(
        &mut self,
        log: &impl Log,
        after: Position,
    ) -> Result<impl Iterator<Item = &Entry>, Error> {
        self.0 = log.read(Page::new(after, ROWS)).await?.into();
        Ok(self.0.iter())
    }

    /// The entry at `position`: from here, where fresh entries are; what is tried again is older,
    /// and read once more.
    pub(crate) async fn take(
        &mut self,
        log: &impl Log,
        position: Position,
    ) -> Result<Entry, Error> {
        while let Some(entry) = self.0.pop_front_if(|entry| entry.position <= position) {
            if entry.position == position {
                return Ok(entry);
            }
        }
        let found = log.read(Page::new(position.previous(), 1)).await?.pop();
        found.filter(|entry| entry.position == position).ok_or_else(|| {
            let what = format!("entry {position} was set aside and is not in the log any more");
            Error::store(what, "the log was pruned or restored", false)
        })
    }
}
