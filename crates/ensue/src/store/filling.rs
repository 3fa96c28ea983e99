//! A page of the log, being filled.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::columns::Numbered;
use super::{Page, Read, position_of};

/// A page that is read from a database: in one statement where payloads are small, so that its rows
/// are its bound. Where they are large, no more rows are asked for than are likely to fit, judged by
/// the last page, and what did fit is followed by more.
#[derive(Debug)]
pub struct Filling<'a> {
    page: Page,
    /// The last position that was read, or the one after which the page begins.
    after: i64,
    /// What a payload of the last page had on average.
    usual_bytes: &'a AtomicUsize,
    entries: Vec<Read>,
    bytes: usize,
    wasted_bytes: usize,
}

/// Positions to be read next: those after the first, up to the second.
pub type Span = (i64, i64);

/// LIMIT: what is read only to be thrown away, so that the connection can be used again. Beyond that
/// a new connection is cheaper.
const WASTE_BYTES_MAX: usize = 1 << 20;

impl<'a> Filling<'a> {
    /// An empty one. `usual_bytes` is what a payload of the page before had on average, and is kept
    /// for the next one.
    pub fn new(page: Page, usual_bytes: &'a AtomicUsize) -> Self {
        let after = page.after.number();
        Self { page, after, usual_bytes, entries: Vec::new(), bytes: 0, wasted_bytes: 0 }
    }

    /// What to read next: what is likely to fill the page, and one that is sure to be part of it.
    pub fn span(&self) -> Span {
        let left = self.rows_max().saturating_sub(self.entries.len());
        let bytes_left = self.page.bytes.saturating_sub(self.bytes);
        let likely = bytes_left / self.usual_bytes.load(Ordering::Relaxed).max(1) + 1;
        let rows = i64::try_from(left.min(likely)).unwrap_or(i64::MAX);
        (self.after, self.after.saturating_add(rows))
    }

    /// Takes what was read in the order of positions, as far as it belongs to the page. False if so
    /// much does not that reading on is dearer than another connection.
    ///
    /// The page has no gap, even if entries are pruned between two of its statements.
    pub fn take(&mut self, read: Read) -> bool {
        let (position, bytes) = (position_of(&read).number(), payload_bytes(&read));
        let is_next = position == self.after.saturating_add(1);
        let belongs = self.entries.is_empty() || (is_next && !self.is_full());
        if !belongs {
            self.wasted_bytes += bytes;
            return self.wasted_bytes <= WASTE_BYTES_MAX;
        }
        self.after = position;
        self.bytes += bytes;
        self.entries.push(read);
        true
    }

    /// Whether there may be more for it, once all of `span` was read.
    pub fn wants_more(&self, (after, up_to): Span) -> bool {
        let is_end = self.after == after || self.after < up_to;
        !self.is_full() && !is_end
    }

    /// The page.
    pub fn finish(self) -> Vec<Read> {
        if let Some(usual) = self.bytes.checked_div(self.entries.len()) {
            self.usual_bytes.store(usual, Ordering::Relaxed);
        }
        self.entries
    }

    fn rows_max(&self) -> usize {
        usize::try_from(self.page.rows).unwrap_or(usize::MAX)
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= self.rows_max() || self.bytes >= self.page.bytes
    }
}

/// Returns the size of an entry's payload, in bytes; 0 for an unreadable entry, whose payload is not
/// kept.
pub fn payload_bytes(read: &Read) -> usize {
    read.as_ref().map_or(0, |entry| entry.envelope.payload.len())
}
