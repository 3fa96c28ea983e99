//! Trying many dead letters again.

use std::sync::Arc;

use ensue_core::{EventId, Timestamp};
use tokio::sync::watch;

use super::{DeadLetters, Retried};
use crate::listener::Message;
use crate::subscription::{Failure, FailureClass};
use crate::{DeadLetter, Error, Store, Tx};

/// What has come of trying many dead letters again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RetriedAll {
    /// So many are handled.
    pub handled: u64,
    /// So many have failed again, and are dead letters still.
    pub failed: u64,
    /// Number of letters not tried: a part of the body is missing, or another retry was in progress.
    pub untried: u64,
}

/// LIMIT: dead letters in memory at once; of the others there is no more than where they stand.
const PAGE: u32 = 100;

impl<S: Store> DeadLetters<S> {
    /// Tries all again that have failed with `class`, once each and one after the other: in the order of
    /// their source's log where that is known, and else of their death. For when the cause is mended.
    ///
    /// # Errors
    /// The database's; that they fail again is none. What was handled until then is.
    ///
    /// CANCEL-SAFE: dropped, each was handled or is still there.
    pub async fn retry_all(&self, class: FailureClass) -> Result<RetriedAll, Error> {
        let mut retried = RetriedAll::default();
        for Standing { id, .. } in self.find(|letter| letter.failure.class == class).await? {
            retried.count(&self.retry(id).await?);
        }
        Ok(retried)
    }

    /// Those of types that have got a handler since, until the process is to end.
    ///
    /// Nobody has asked for it, so that one which ends the process must not do so again and again: that it
    /// has begun is on record first.
    pub(in crate::listener) async fn retry_known(
        &self,
        stopping: &watch::Receiver<bool>,
    ) -> Result<RetriedAll, Error> {
        let mut retried = RetriedAll::default();
        for Standing { id, .. } in self.find(|letter| self.is_known_by_now(letter)).await? {
            if *stopping.borrow() {
                break;
            }
            if self.record_beginning(id).await? {
                retried.count(&self.try_again(id, true).await?);
            }
        }
        Ok(retried)
    }

    fn is_known_by_now(&self, DeadLetter { failure, message, cut, .. }: &DeadLetter) -> bool {
        let is_whole = cut.is_none();
        let has_handler =
            |message: &Message| self.consumer.reaction(&message.envelope.event_type).is_some();
        is_whole
            && failure.class == FailureClass::UnknownType
            && message.as_ref().is_ok_and(has_handler)
    }

    /// Holds the letter. Returns false if it is gone or if another retry has begun.
    async fn record_beginning(&self, id: EventId) -> Result<bool, Error> {
        let (consumer, lease) = (&self.consumer.name, self.lease());
        let mut tx = Tx::begin(&self.application, Arc::default()).await?;
        let is_held = tx.hold(consumer, id, lease).await?;
        let letter = if is_held { tx.exhume(consumer, id).await? } else { None };
        let Some(letter) = letter.filter(|letter| self.is_known_by_now(letter)) else {
            return tx.rollback().await.map(|()| false);
        };
        let failure = Failure::new(FailureClass::Crash, HAS_BEGUN);
        tx.bury(consumer, &DeadLetter { failure, ..letter }).await?;
        tx.hold(consumer, id, lease).await?;
        tx.commit(None).await.map(|()| true)
    }

    async fn find(&self, which: impl Fn(&DeadLetter) -> bool) -> Result<Vec<Standing>, Error> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.list(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            found.extend(page.iter().filter(|letter| which(letter)).map(Standing::of));
        }
        found.sort();
        Ok(found)
    }
}

/// What a letter says that was begun with and never came to an end.
const HAS_BEGUN: &str = "it was tried again, as its type had got a handler, and that has not ended: its process \
                         has, or the database was lost; try it again by hand";

impl RetriedAll {
    fn count(&mut self, retried: &Retried) {
        match retried {
            Retried::Handled => self.handled += 1,
            Retried::Failed(_) => self.failed += 1,
            Retried::Refused(_) | Retried::UnderWay => self.untried += 1,
            Retried::Gone => {}
        }
    }
}

/// Where a dead letter stands among the others.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    source: Option<String>,
    /// What has none comes after what has.
    sequence: u64,
    died_at: Timestamp,
    id: EventId,
}

impl Standing {
    fn of(DeadLetter { id, message, died_at, .. }: &DeadLetter) -> Self {
        let message = message.as_ref().ok();
        Self {
            source: message.map(|message| message.source.clone()),
            sequence: message.and_then(|message| message.sequence).unwrap_or(u64::MAX),
            died_at: *died_at,
            id: *id,
        }
    }
}
