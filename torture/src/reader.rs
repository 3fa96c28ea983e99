//! Who follows the log with a cursor of his own.

use tokio::sync::watch;

use crate::evidence::Witness;
use crate::mark::Mark;
use crate::moment::Moment;

/// One of those who follow the log from its beginning.
#[derive(Debug, Clone)]
pub struct Reader {
    /// Where the database is.
    pub address: String,
    /// Which of them, counted from 0.
    pub number: usize,
    /// How many rows a page should have, where there are pages.
    pub rows: u32,
    pub(crate) witness: Witness,
    pub(crate) end: watch::Receiver<Option<u64>>,
}

impl Reader {
    /// Having come up to `after`, it has read these next.
    pub fn see(&self, after: u64, page: &[(u64, Mark)]) {
        let seen_at = Moment::now();
        self.witness.evidence().sightings.see(self.number, after, page, seen_at);
    }

    /// Whether it is at the end with its cursor there. Until all is written nobody knows the end.
    pub fn has_come_to_the_end(&self, cursor: u64) -> bool {
        self.end.borrow().is_some_and(|end| cursor >= end)
    }
}
