//! A handler that remembers what it was given.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ensue::{BoxError, Position};
use ensue_http::{Error, FeedConsumer, FeedEvent, FeedHandler, FeedPage};

use crate::patience::{until, within_patience};

#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    offset: Position,
    events: Vec<FeedEvent>,
    pages: Vec<Vec<u64>>,
    /// How often the handler is still to fail, and the offset to be unreadable.
    failures: u32,
    unreadable: u32,
}

impl Seen {
    pub(crate) fn failing(times: u32) -> Self {
        let seen = Self::default();
        seen.0.lock().unwrap().failures = times;
        seen
    }

    pub(crate) fn unreadable(times: u32) -> Self {
        let seen = Self::default();
        seen.0.lock().unwrap().unreadable = times;
        seen
    }

    pub(crate) fn push(&self, event: FeedEvent) {
        self.0.lock().unwrap().events.push(event);
    }

    pub(crate) fn events(&self) -> Vec<FeedEvent> {
        self.0.lock().unwrap().events.clone()
    }

    pub(crate) fn ids(&self) -> Vec<u64> {
        self.0.lock().unwrap().events.iter().map(|event| event.id.get()).collect()
    }

    /// The ids of each page that came, also of those that were not handled.
    pub(crate) fn pages(&self) -> Vec<Vec<u64>> {
        self.0.lock().unwrap().pages.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().events.len()
    }

    pub(crate) async fn reaches(&self, count: usize) {
        until(|| self.count() >= count).await;
    }

    /// Follows `feed` until it has seen so many events, or an error.
    pub(crate) async fn follow(&self, feed: FeedConsumer, count: usize) -> Result<(), Error> {
        within_patience(feed.run(self.clone(), self.reaches(count))).await
    }
}

impl FeedHandler for Seen {
    async fn saved_offset(&mut self) -> Result<Position, BoxError> {
        let mut memory = self.0.lock().unwrap();
        if memory.unreadable > 0 {
            memory.unreadable -= 1;
            return Err("the drawer is stuck".into());
        }
        Ok(memory.offset)
    }

    async fn handle(&mut self, page: FeedPage) -> Result<(), BoxError> {
        let mut memory = self.0.lock().unwrap();
        memory.pages.push(page.events().iter().map(|event| event.id.get()).collect());
        if memory.failures > 0 {
            memory.failures -= 1;
            return Err("out of ink".into());
        }
        memory.offset = page.offset_after();
        memory.events.extend(page);
        Ok(())
    }
}

/// A consumer that is in a hurry.
pub(crate) fn consumer(url: &str) -> FeedConsumer {
    let pause = Duration::from_millis(2);
    FeedConsumer::new(url).poll(pause).backoff(pause, 5 * pause)
}
