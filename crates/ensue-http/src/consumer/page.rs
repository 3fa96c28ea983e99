//! A page of the feed, checked.

use std::fmt;

use ensue::Position;
use ensue::store::LogId;

use super::{Error, FeedEvent};

/// Events that follow each other without a gap, and the offset behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage {
    offset: Position,
    log: Option<LogId>,
    /// INVARIANT: their ids are `offset` + 1, + 2, + 3 …
    events: Vec<FeedEvent>,
}

impl FeedPage {
    /// The page after `offset`, unless anything is missing before or in it.
    pub(super) fn after(
        offset: Position,
        log: Option<LogId>,
        events: Vec<FeedEvent>,
    ) -> Result<Self, Error> {
        let mut last = offset;
        for event in &events {
            if event.id.get().checked_sub(1) != Some(last.get()) {
                return Err(Error::gap(last, event.id));
            }
            last = event.id;
        }
        Ok(Self { offset, log, events })
    }

    /// The events, in their order.
    pub fn events(&self) -> &[FeedEvent] {
        &self.events
    }

    /// The offset at which the page was asked for.
    pub fn offset(&self) -> Position {
        self.offset
    }

    /// Returns the identity of the page's log. Save it beside the offset. `None` if the server does not name
    /// its log.
    pub fn log(&self) -> Option<LogId> {
        self.log
    }

    /// What to save: the offset plus the number of events.
    pub fn offset_after(&self) -> Position {
        self.events.last().map_or(self.offset, |last| last.id)
    }
}

impl fmt::Display for FeedPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the page after position {} up to {}", self.offset, self.offset_after())
    }
}

impl IntoIterator for FeedPage {
    type Item = FeedEvent;
    type IntoIter = std::vec::IntoIter<FeedEvent>;

    fn into_iter(self) -> Self::IntoIter {
        self.events.into_iter()
    }
}

impl<'a> IntoIterator for &'a FeedPage {
    type Item = &'a FeedEvent;
    type IntoIter = std::slice::Iter<'a, FeedEvent>;

    fn into_iter(self) -> Self::IntoIter {
        self.events.iter()
    }
}
