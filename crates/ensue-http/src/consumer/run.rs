//! A run: what is remembered from one page to the next.

use std::time::Duration;

use ensue::store::LogId;
use ensue::{BoxError, Position};

use super::remote_feed::Answer;
use super::{Error, FeedConsumer, FeedEvent, FeedHandler, FeedPage, RemoteFeed};

pub(super) struct Run<H> {
    consumer: FeedConsumer,
    feed: RemoteFeed,
    handler: H,
    /// The log that this run follows, once known.
    log: Option<LogId>,
    /// The offset that the handler must have saved, since it has handled the page before it.
    owed: Option<Position>,
    /// How often in a row the server could not answer.
    refusals: u32,
    failures: Failures,
}

/// What to do after asking.
pub(super) enum Round {
    Page(FeedPage),
    Pause(Duration),
}

impl<H: FeedHandler> Run<H> {
    pub(super) fn new(mut consumer: FeedConsumer, handler: H) -> Result<Self, Error> {
        let feed = RemoteFeed::new(&consumer.url, consumer.client.take())?;
        let failures = Failures::default();
        Ok(Self { consumer, feed, handler, log: None, owed: None, refusals: 0, failures })
    }

    pub(super) async fn ask(&mut self) -> Result<Round, Error> {
        let offset = match self.saved_offset().await {
            Ok(offset) => offset,
            Err(error) => return self.fail(Error::unreadable_offset(error)).map(Round::Pause),
        };
        self.verify(offset)?;
        match self.feed.read(offset, self.log, self.consumer.page).await? {
            Answer::Page(page) => Ok(self.answered(page)),
            Answer::Later { why, retry_after } => {
                Ok(Round::Pause(self.wait(offset, &why, retry_after)))
            }
        }
    }

    /// Returns the saved offset. First reads the identity of its log, unless already known.
    async fn saved_offset(&mut self) -> Result<Position, BoxError> {
        if self.log.is_none() {
            self.log = self.handler.saved_log().await?;
        }
        self.handler.saved_offset().await
    }

    /// How long to pause after the page: not at all, unless the handler failed.
    pub(super) async fn handle(&mut self, page: FeedPage) -> Result<Duration, Error> {
        let (after, described) = (page.offset_after(), page.to_string());
        self.failures.reach(page.offset());
        match self.handler.handle(page).await {
            Ok(()) => {
                self.owed = Some(after);
                Ok(Duration::ZERO)
            }
            Err(error) => {
                // It may have handled a part of the page, and have got on by that.
                if let Ok(saved) = self.handler.saved_offset().await {
                    self.failures.reach(saved);
                }
                self.fail(Error::handler(&described, error))
            }
        }
    }

    /// Without this a handler that forgets to save would be given the same page for ever.
    fn verify(&mut self, saved: Position) -> Result<(), Error> {
        match self.owed.take() {
            Some(owed) if owed != saved => Err(Error::unsaved_offset(owed, saved)),
            _ => Ok(()),
        }
    }

    fn answered(&mut self, page: FeedPage) -> Round {
        self.refusals = 0;
        self.log = page.log();
        for event in page.events().iter().filter(|event| event.event_type == FeedEvent::UNREADABLE)
        {
            let (feed, position) = (&self.feed, event.id.get());
            tracing::warn!(%feed, position, "the feed contains an entry that cannot be read");
        }
        if page.events().is_empty() {
            self.failures = Failures::default();
            return Round::Pause(self.consumer.poll);
        }
        Round::Page(page)
    }

    fn wait(&mut self, offset: Position, why: &str, retry_after: Option<Duration>) -> Duration {
        self.refusals = self.refusals.saturating_add(1);
        let backoff = &self.consumer.backoff;
        let pause = match retry_after {
            Some(asked) => backoff.delay_after(asked, fastrand::u64(..)),
            None => backoff.delay(self.refusals, fastrand::u64(..)),
        };
        let feed = &self.feed;
        tracing::warn!(%feed, %offset, why, ?pause, "the feed cannot be read now; asking again");
        pause
    }

    /// How long to pause before the same again, if it may be tried again.
    fn fail(&mut self, error: Error) -> Result<Duration, Error> {
        self.failures.count = self.failures.count.saturating_add(1);
        if self.failures.count >= self.consumer.attempts_max {
            return Err(error);
        }
        let pause = self.consumer.backoff.delay(self.failures.count, fastrand::u64(..));
        let (feed, attempt) = (&self.feed, self.failures.count);
        tracing::warn!(%feed, %error, attempt, ?pause, "a page is not handled; trying again");
        Ok(pause)
    }
}

/// How often in a row the handler failed, without getting on.
#[derive(Default)]
struct Failures {
    at: Position,
    count: u32,
}

impl Failures {
    /// A handler that saved part of a page before it failed has got on.
    fn reach(&mut self, offset: Position) {
        if self.at != offset {
            *self = Self { at: offset, count: 0 };
        }
    }
}
