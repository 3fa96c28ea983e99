//! A log that is read from its beginning, page by page.

use std::time::{Duration, Instant};

use ensue::store::Page;
use ensue::{BoxError, Log, Position};

use crate::arm::Arm;

/// How many entries it has.
pub(crate) const ENTRIES: u32 = 100_000;

/// Of a page.
pub(crate) const PAGE_ROWS: u32 = 1_000;

/// A round reads a part of the log and the next one goes on where it ended.
pub(crate) const PAGES_PER_ROUND: u32 = 2;

pub(crate) struct LogPages<L> {
    log: L,
    after: Position,
}

impl<L: Log> LogPages<L> {
    pub(crate) fn of(log: L) -> Self {
        Self { log, after: Position::START }
    }
}

impl<L: Log> Arm for LogPages<L> {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let began = Instant::now();
        for _ in 0..PAGES_PER_ROUND {
            let entries = self.log.entries(Page::new(self.after, PAGE_ROWS)).await?;
            let last = entries.last().map(|entry| entry.position);
            self.after = last.ok_or("the log has no such page")?;
        }
        let elapsed = began.elapsed();
        if self.after == Position::new(ENTRIES.into()) {
            self.after = Position::START;
        }
        Ok(elapsed)
    }
}
