//! Receipts, attempts at suspects, and dead letters, in memory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use ensue_core::{EventId, Timestamp};

use super::{MemoryStore, MemoryTransaction, now};
use crate::{DeadLetter, Error, Inbox, Transactions};

/// Each by its consumer and the event's id.
#[derive(Debug, Clone, Default)]
pub(super) struct InboxTables {
    receipts: BTreeMap<(String, EventId), Timestamp>,
    /// How many, and when the last one began.
    attempts: BTreeMap<(String, EventId), (u32, Timestamp)>,
    letters: BTreeMap<(String, EventId), Kept>,
    letter_bytes_max: Option<usize>,
}

impl<T> MemoryStore<T> {
    /// Refuses dead letters with a body larger than `bytes` from now on, like a database with a limit of
    /// its own.
    pub fn refuse_dead_letters_over(&self, bytes: usize) {
        self.committed().tables.inbox.letter_bytes_max = Some(bytes);
    }
}

fn bytes_of(letter: &DeadLetter) -> usize {
    match &letter.message {
        Ok(message) => message.envelope.payload.len(),
        Err(unreadable) => unreadable.body.len(),
    }
}

#[derive(Debug, Clone)]
struct Kept {
    letter: DeadLetter,
    /// When, and why.
    dropped: Option<(Timestamp, String)>,
    held_until: Option<Timestamp>,
}

impl<T: Clone + Send + Sync + 'static> Inbox for MemoryStore<T> {
    async fn note(
        &self,
        transaction: &mut MemoryTransaction<T>,
        consumer: &str,
        events: &[EventId],
    ) -> Result<Vec<EventId>, Error> {
        let receipts = &mut transaction.tables.inbox.receipts;
        let mut new = Vec::new();
        for id in events {
            if let Entry::Vacant(place) = receipts.entry((consumer.to_owned(), *id)) {
                place.insert(now());
                new.push(*id);
            }
        }
        Ok(new)
    }

    async fn has_noted(&self, consumer: &str, event: EventId) -> Result<bool, Error> {
        let committed = self.committed();
        Ok(committed.tables.inbox.receipts.contains_key(&(consumer.to_owned(), event)))
    }

    async fn suspect(&self, consumer: &str, event: EventId) -> Result<Option<u32>, Error> {
        let mut transaction = self.begin().await?;
        let (inbox, it) = (&mut transaction.tables.inbox, (consumer.to_owned(), event));
        if inbox.receipts.contains_key(&it) {
            return Ok(None);
        }
        let attempts = inbox.attempts.entry(it).or_insert((0, now()));
        *attempts = (attempts.0 + 1, now());
        let attempt = attempts.0;
        self.commit(transaction).await?;
        Ok(Some(attempt))
    }

    async fn bury(
        &self,
        transaction: &mut MemoryTransaction<T>,
        consumer: &str,
        letter: &DeadLetter,
    ) -> Result<(), Error> {
        let inbox = &mut transaction.tables.inbox;
        if inbox.letter_bytes_max.is_some_and(|bytes_max| bytes_of(letter) > bytes_max) {
            return Err(Error::store("cannot store a dead letter", "it is too large", false));
        }
        let letter = DeadLetter { died_at: now(), ..letter.clone() };
        let it = (consumer.to_owned(), letter.id);
        inbox.letters.insert(it, Kept { letter, dropped: None, held_until: None });
        Ok(())
    }

    async fn exhume(
        &self,
        transaction: &mut MemoryTransaction<T>,
        consumer: &str,
        id: EventId,
    ) -> Result<Option<DeadLetter>, Error> {
        let (inbox, it) = (&mut transaction.tables.inbox, (consumer.to_owned(), id));
        let Some(Kept { dropped: None, .. }) = inbox.letters.get(&it) else { return Ok(None) };
        inbox.receipts.insert(it.clone(), now());
        Ok(inbox.letters.remove(&it).map(|kept| kept.letter))
    }

    async fn hold(
        &self,
        transaction: &mut MemoryTransaction<T>,
        consumer: &str,
        id: EventId,
        lease: Duration,
    ) -> Result<bool, Error> {
        let kept = transaction.tables.inbox.letters.get_mut(&(consumer.to_owned(), id));
        let is_free = |kept: &&mut Kept| {
            kept.dropped.is_none() && kept.held_until.is_none_or(|until| until <= now())
        };
        let Some(kept) = kept.filter(is_free) else { return Ok(false) };
        kept.held_until = Some(now().plus(lease));
        Ok(true)
    }

    async fn dead_letters(
        &self,
        consumer: &str,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, Error> {
        let committed = self.committed();
        let letters = committed.tables.inbox.letters.iter();
        let of_it = letters.filter(|((of, id), kept)| {
            of == consumer && Some(*id) > after && kept.dropped.is_none()
        });
        Ok(of_it.map(|(_, kept)| kept.letter.clone()).take(limit as usize).collect())
    }

    async fn drop_dead_letter(
        &self,
        consumer: &str,
        id: EventId,
        reason: &str,
    ) -> Result<bool, Error> {
        let mut transaction = self.begin().await?;
        let (inbox, it) = (&mut transaction.tables.inbox, (consumer.to_owned(), id));
        let kept = inbox.letters.get_mut(&it);
        let Some(kept) = kept.filter(|kept| kept.dropped.is_none()) else { return Ok(false) };
        kept.dropped = Some((now(), reason.to_owned()));
        inbox.receipts.insert(it, now());
        self.commit(transaction).await?;
        Ok(true)
    }

    async fn forget(&self, consumer: &str, age: Duration) -> Result<u64, Error> {
        let mut transaction = self.begin().await?;
        let InboxTables { receipts, attempts, letters, .. } = &mut transaction.tables.inbox;
        let is_old = |of: &str, at: &Timestamp| of == consumer && now().since(*at) >= age;
        attempts.retain(|(of, _), (_, at)| !is_old(of, at));
        letters.retain(|(of, _), kept| kept.dropped.as_ref().is_none_or(|(at, _)| !is_old(of, at)));
        let is_dead = |it: &_| letters.get(it).is_some_and(|kept| kept.dropped.is_none());
        let known = receipts.len();
        receipts.retain(|it, at| !is_old(&it.0, at) || is_dead(it));
        let forgotten = known - receipts.len();
        self.commit(transaction).await?;
        Ok(forgotten as u64)
    }
}
