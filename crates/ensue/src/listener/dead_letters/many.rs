//! Trying many dead letters again.

use ensue_core::{EventId, Timestamp};

use super::{DeadLetters, Retried};
use crate::subscription::FailureClass;
use crate::{DeadLetter, Error, Store};

/// What has come of trying many dead letters again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RetriedAll {
    /// So many are handled.
    pub handled: u64,
    /// So many have failed again, and are dead letters still.
    pub failed: u64,
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
        self.retry_those(|letter| letter.failure.class == class).await
    }

    /// Those of types that have got a handler since.
    pub(crate) async fn retry_known(&self) -> Result<RetriedAll, Error> {
        let is_known = |letter: &DeadLetter| {
            letter.failure.class == FailureClass::UnknownType
                && letter.message.as_ref().is_ok_and(|message| {
                    self.consumer.reaction(&message.envelope.event_type).is_some()
                })
        };
        self.retry_those(is_known).await
    }

    async fn retry_those(&self, which: impl Fn(&DeadLetter) -> bool) -> Result<RetriedAll, Error> {
        let mut retried = RetriedAll::default();
        for Standing { id, .. } in self.find(which).await? {
            match self.retry(id).await? {
                Retried::Handled => retried.handled += 1,
                Retried::Failed(_) => retried.failed += 1,
                Retried::Gone => {}
            }
        }
        Ok(retried)
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
