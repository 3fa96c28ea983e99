//! The rows of an import on their way into the log, a page at a time.

use std::pin::Pin;

use ensue::store::Page;
use ensue::{Envelope, Error, EventId};
use futures_util::stream::{Fuse, Stream, StreamExt, TryStreamExt};

use super::{EventEntry, Key};

/// LIMIT: the rows of a page. More in one append are no faster, and a page of usual events is some
/// hundred kilobytes.
const ROWS: usize = 1_024;

/// INVARIANT: what comes out has the order of the rows' ids.
pub(super) struct Pages<'k, S> {
    entries: Pin<Box<Fuse<S>>>,
    key: Key<'k>,
    row: Option<i64>,
    id: EventId,
}

impl<'k, S: Stream<Item = Result<EventEntry, Error>>> Pages<'k, S> {
    pub(super) fn new(entries: S, key: Key<'k>) -> Self {
        Self { entries: Box::pin(entries.fuse()), key, row: None, id: EventId::now() }
    }

    /// The next rows as events, none after the one with which their number or their payloads reach
    /// the size of a page; nothing after the last.
    pub(super) async fn next(&mut self) -> Result<Vec<Envelope>, Error> {
        let (mut page, mut bytes) = (Vec::new(), 0);
        while page.len() < ROWS
            && bytes < Page::BYTES
            && let Some(entry) = self.entries.try_next().await?
        {
            bytes += entry.payload.len();
            page.push(self.envelope(entry)?);
        }
        Ok(page)
    }

    fn envelope(&mut self, entry: EventEntry) -> Result<Envelope, Error> {
        self.check_order(entry.id)?;
        self.id = self.id.next();
        let key = (self.key)(&entry);
        let (row, envelope) = (entry.id, entry.into_envelope(self.id, key));
        let what = || format!("cannot import row {row}");
        envelope.check().map_err(|error| Error::store(what(), error, false))?;
        Ok(envelope)
    }

    /// Consumers count the rows in the order of their ids, so in any other they would count wrong.
    fn check_order(&mut self, row: i64) -> Result<(), Error> {
        match self.row.replace(row) {
            Some(previous) if previous >= row => Err(Error::configuration(format!(
                "cannot import row {row} after row {previous}; read them ORDER BY id, each once"
            ))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ensue::Timestamp;
    use futures_util::stream;

    use super::*;

    fn entry(id: i64, bytes: usize) -> Result<EventEntry, Error> {
        Ok(EventEntry {
            id,
            event_type: "SampleEvent".to_owned(),
            content_type: "application/json".to_owned(),
            payload: vec![b'1'; bytes],
            timestamp: Timestamp::from_micros(0),
        })
    }

    async fn lengths(entries: impl Iterator<Item = Result<EventEntry, Error>>) -> Vec<usize> {
        let mut pages = Pages::new(stream::iter(entries), Box::new(|_| None));
        let mut lengths = Vec::new();
        loop {
            match pages.next().await.unwrap().len() {
                0 => return lengths,
                length => lengths.push(length),
            }
        }
    }

    #[tokio::test]
    async fn a_page_ends_with_the_row_that_fills_it() {
        assert_eq!(lengths((1..=2_500).map(|id| entry(id, 1))).await, [1_024, 1_024, 452]);
        let half = Page::BYTES / 2;
        assert_eq!(lengths((1..=5).map(|id| entry(id, half))).await, [2, 2, 1]);
        assert_eq!(
            lengths([entry(1, 0), entry(2, half * 3), entry(3, 0)].into_iter()).await,
            [2, 1]
        );
    }

    #[tokio::test]
    async fn ids_are_ascending_and_never_the_same() {
        let entries = stream::iter((1..=2_000).map(|id| entry(id, 1)));
        let mut pages = Pages::new(entries, Box::new(|_| None));
        let mut ids = Vec::new();
        for _ in 0..2 {
            ids.extend(pages.next().await.unwrap().iter().map(|envelope| envelope.id));
        }
        assert!(ids.is_sorted_by(|id, next| id.next() == *next));
        assert_eq!(ids.len(), 2_000);
    }
}
