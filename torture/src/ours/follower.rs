//! How a store of ours is followed.

use std::time::Duration;

use ensue::store::Page;
use ensue::{BoxError, Entry, Event, Log, Position};

use crate::backend::Backend;
use crate::mark::Mark;
use crate::reader::Reader;

/// Reads the log from its beginning, and goes on at its cursor whatever happens in between.
pub(super) struct Follower<B: Backend> {
    reader: Reader,
    cursor: u64,
    store: Option<B::Store>,
    pages: u32,
}

/// How long a reader waits for word of something new before it looks by itself.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// After so many pages a reader starts anew, as another process would, with nothing but its cursor.
const PAGES_MAX: u32 = 2_000;

/// LIMIT: failures in a row. Whatever befalls a database is over before that.
const FAILURES_MAX: u32 = 2_000;

/// How long a reader waits before it tries again.
const PAUSE: Duration = Duration::from_millis(20);

/// LIMIT: rows of a page when nothing is to be found out but what is there.
const ROWS: u32 = 1_000;

impl<B: Backend> Follower<B> {
    pub(super) fn new(reader: Reader) -> Self {
        Self { reader, cursor: 0, store: None, pages: 0 }
    }

    /// Until it is told where the end is, and has come there.
    pub(super) async fn follow(mut self) -> Result<(), BoxError> {
        let mut failures = 0;
        while !self.reader.has_come_to_the_end(self.cursor) {
            let Err(error) = self.read_on().await else {
                failures = 0;
                continue;
            };
            failures += 1;
            if failures > FAILURES_MAX {
                return Err(error);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn read_on(&mut self) -> Result<(), BoxError> {
        let store = match self.store.take().filter(|_| self.pages < PAGES_MAX) {
            Some(store) => store,
            None => B::open(&self.reader.address).await?,
        };
        self.pages = self.pages % PAGES_MAX + 1;
        let page = read(&store, self.cursor, self.reader.rows).await?;
        match page.last() {
            Some(&(last, _)) => {
                self.reader.see(self.cursor, &page);
                self.cursor = last;
            }
            // Whether there was word or not, it looks again.
            None => drop(tokio::time::timeout(LOOK_EVERY, store.changed_elsewhere()).await),
        }
        self.store = Some(store);
        Ok(())
    }
}

/// The whole log up to `end`.
pub(super) async fn read_all(store: &impl Log, end: u64) -> Result<Vec<(u64, Mark)>, BoxError> {
    let mut log = Vec::new();
    let mut cursor = 0;
    while cursor < end {
        let page = read(store, cursor, ROWS).await?;
        let Some(&(last, _)) = page.last() else { break };
        log.extend(page);
        cursor = last;
    }
    Ok(log)
}

async fn read(store: &impl Log, after: u64, rows: u32) -> Result<Vec<(u64, Mark)>, BoxError> {
    let page = store.entries(Page::new(Position::new(after), rows)).await?;
    page.iter().map(marked).collect()
}

fn marked(entry: &Entry) -> Result<(u64, Mark), BoxError> {
    let mark = Mark::decode(&entry.envelope.payload, entry.envelope.version)?;
    Ok((entry.position.get(), mark))
}
