//! The log, as a store reads it.

mod reader;

use ensue::store::{LogId, Outbox, Page, Read};
use ensue::{Error, Log, Position};

use crate::PostgresStore;
use crate::connections::WAIT_MAX;

pub(crate) use reader::Reader;

impl Log for PostgresStore {
    async fn head(&self) -> Result<Position, Error> {
        self.inner().reader.head().await
    }

    async fn identity(&self) -> Result<LogId, Error> {
        self.inner().reader.identity().await
    }

    /// Waits for a whole pass that begins after this call, and returns the head.
    async fn barrier(&self) -> Result<Position, Error> {
        if !self.inner().signals.demand(WAIT_MAX).await {
            let what = format!("waited {WAIT_MAX:?} for the log to be complete");
            return Err(Error::store(what, "the sequencer does not get on", true));
        }
        self.head().await
    }

    async fn read(&self, page: Page) -> Result<Vec<Read>, Error> {
        self.inner().reader.read(page).await
    }

    async fn outbox(&self) -> Result<Option<Outbox>, Error> {
        self.inner().reader.outbox().await.map(Some)
    }

    /// The sequencer gives them, and tells of each pass.
    fn has_positions_at_commit(&self) -> bool {
        false
    }

    async fn changed_elsewhere(&self) {
        self.inner().signals.growth(&self.seen).await;
    }
}
