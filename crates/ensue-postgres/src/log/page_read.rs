//! A page of the log, read.

use std::sync::atomic::{AtomicUsize, Ordering};

use ensue::Entry;
use ensue::store::Page;
use ensue::store::columns::Numbered;
use futures_util::TryStreamExt;
use sqlx::SqlStr;

use crate::connections::{BEGIN_READING, Lent};
use crate::entry_row;

/// A page that is being read: in one statement where payloads are small, so that its rows are its
/// bound. Where they are large, no more rows are asked for than are likely to fit, judged by the last
/// page, and what did fit is followed by more.
pub(super) struct PageRead<'a> {
    page: Page,
    /// The last position that was read, or the one after which the page begins.
    after: i64,
    /// What a payload of the last page had on average.
    usual_bytes: &'a AtomicUsize,
    entries: Vec<Entry>,
    bytes: usize,
}

/// LIMIT: what is read only to be thrown away, so that the connection can be used again. Beyond that
/// a new connection is cheaper.
const WASTE_BYTES_MAX: usize = 1 << 20;

impl<'a> PageRead<'a> {
    pub(super) fn new(after: i64, page: Page, usual_bytes: &'a AtomicUsize) -> Self {
        Self { page, after, usual_bytes, entries: Vec::new(), bytes: 0 }
    }

    /// CANCEL-SAFE: dropped half-way, the connection is closed.
    pub(super) async fn read(
        mut self,
        mut lent: Lent,
        statement: &SqlStr,
    ) -> sqlx::Result<Vec<Entry>> {
        let is_pooled = lent.is_pooled();
        if is_pooled {
            sqlx::raw_sql(BEGIN_READING).execute(&mut *lent).await?;
        }
        loop {
            let (after, up_to) = (self.after, self.after.saturating_add(self.rows()));
            if !self.read_up_to(up_to, &mut lent, statement).await? {
                return Ok(self.finish());
            }
            let is_end = self.after == after || self.after < up_to;
            if self.is_full() || is_end {
                break;
            }
        }
        if is_pooled {
            sqlx::raw_sql("COMMIT").execute(&mut *lent).await?;
        }
        lent.put_back();
        Ok(self.finish())
    }

    /// How many rows are likely to fill the page, and one that is sure to be part of it.
    fn rows(&self) -> i64 {
        let left = self.rows_max().saturating_sub(self.entries.len());
        let bytes_left = self.page.bytes.saturating_sub(self.bytes);
        let likely = bytes_left / self.usual_bytes.load(Ordering::Relaxed).max(1) + 1;
        i64::try_from(left.min(likely)).unwrap_or(i64::MAX)
    }

    fn rows_max(&self) -> usize {
        usize::try_from(self.page.rows).unwrap_or(usize::MAX)
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= self.rows_max() || self.bytes >= self.page.bytes
    }

    /// Whether all that was asked for was taken from the connection.
    async fn read_up_to(
        &mut self,
        up_to: i64,
        lent: &mut Lent,
        statement: &SqlStr,
    ) -> sqlx::Result<bool> {
        let is_prepared = !lent.is_pooled();
        let query = sqlx::query(statement.clone()).persistent(is_prepared);
        let mut rows = query.bind(self.after).bind(up_to).fetch(&mut **lent);
        let mut wasted_bytes = 0;
        while let Some(row) = rows.try_next().await? {
            let entry = entry_row::entry(&row).map_err(sqlx::Error::Decode)?;
            if self.takes(&entry) {
                self.take(entry);
                continue;
            }
            wasted_bytes += entry.envelope.payload.len();
            if wasted_bytes > WASTE_BYTES_MAX {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The page has no gap, even if entries are pruned between two of its statements.
    fn takes(&self, entry: &Entry) -> bool {
        let is_next = entry.position.number() == self.after.saturating_add(1);
        self.entries.is_empty() || (is_next && !self.is_full())
    }

    fn take(&mut self, entry: Entry) {
        self.after = entry.position.number();
        self.bytes += entry.envelope.payload.len();
        self.entries.push(entry);
    }

    fn finish(self) -> Vec<Entry> {
        if let Some(usual) = self.bytes.checked_div(self.entries.len()) {
            self.usual_bytes.store(usual, Ordering::Relaxed);
        }
        self.entries
    }
}
