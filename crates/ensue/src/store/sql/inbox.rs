//! What consumers have received from elsewhere.

use std::time::Duration;

use ensue_core::EventId;

use super::value::{only, text, there, words};
use super::{Call, Purpose, Row, SqlStore, What, text_or_bytes, unreadable};
use crate::store::columns::DeadLetterColumns;
use crate::{BoxError, DeadLetter, Error, Inbox};

/// A store that speaks SQL, and so is an [`Inbox`].
pub trait SqlInbox: SqlStore {
    /// As [`Inbox::note`]: in one way to the database, if it has one for that.
    ///
    /// ORDERING: in one order for everybody, so that nobody waits in a circle.
    fn note_all(
        &self,
        transaction: &mut Self::Transaction,
        consumer: &str,
        events: &[EventId],
    ) -> impl Future<Output = Result<Vec<EventId>, Error>> + Send;
}

/// LIMIT: rows of one transaction that forgets, so that none of them is long.
const STEP: u64 = 10_000;

/// Before every id.
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

impl<S: SqlInbox> Inbox for S {
    async fn note(
        &self,
        transaction: &mut Self::Transaction,
        consumer: &str,
        events: &[EventId],
    ) -> Result<Vec<EventId>, Error> {
        self.note_all(transaction, consumer, events).await
    }

    async fn has_noted(&self, consumer: &str, event: EventId) -> Result<bool, Error> {
        let what: What<'_> = &|| format!("cannot read whether `{consumer}` has handled {event}");
        let values = [consumer.into(), event.into()];
        let call = Call::new(&self.statements().has_noted, &values, what);
        let rows = self.fetch_committed(Purpose::Reading, call).await?;
        only(&rows).and_then(|row| row.flag(0)).map_err(unreadable(what))
    }

    async fn suspect(&self, consumer: &str, event: EventId) -> Result<Option<u32>, Error> {
        let what: What<'_> = &|| format!("cannot count an attempt of `{consumer}` at {event}");
        let values = [consumer.into(), event.into()];
        let call = |statement| Call::new(statement, &values, what);
        let mut transaction = self.begin_own(Purpose::Change).await?;
        let is_new = self.execute(&mut transaction, call(&self.statements().suspect)).await? > 0;
        let attempts = match is_new {
            true => {
                let read = call(&self.statements().read_attempts);
                let rows = self.fetch(&mut transaction, read).await?;
                Some(only(&rows).and_then(|row| there(row.number(0))).map_err(unreadable(what))?)
            }
            false => None,
        };
        self.commit_own(transaction).await?;
        Ok(attempts.map(|attempts| attempts.try_into().unwrap_or(u32::MAX)))
    }

    async fn bury(
        &self,
        transaction: &mut Self::Transaction,
        consumer: &str,
        letter: &DeadLetter,
    ) -> Result<(), Error> {
        let what: What<'_> = &|| format!("cannot store dead letter {} of `{consumer}`", letter.id);
        let columns = DeadLetterColumns::from(letter);
        let (text, bytes) = text_or_bytes(&columns.body);
        let values = [
            consumer.into(),
            columns.id.into(),
            columns.message.into(),
            text.into(),
            bytes.into(),
            columns.failure_class.into(),
            columns.failure_message.into(),
            columns.attempts.into(),
        ];
        let call = Call::new(&self.statements().bury, &values, what);
        self.execute(transaction, call).await.map(drop)
    }

    async fn exhume(
        &self,
        transaction: &mut Self::Transaction,
        consumer: &str,
        id: EventId,
    ) -> Result<Option<DeadLetter>, Error> {
        let what: What<'_> = &|| format!("cannot take out dead letter {id} of `{consumer}`");
        let values = [consumer.into(), id.into()];
        let call = |statement| Call::new(statement, &values, what);
        let rows = self.fetch(transaction, call(&self.statements().lock_dead_letter)).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        for statement in
            [&self.statements().delete_dead_letter, &self.statements().renew_inbox_receipt]
        {
            self.execute(transaction, call(statement)).await?;
        }
        letter(row).map(Some).map_err(unreadable(what))
    }

    async fn hold(
        &self,
        transaction: &mut Self::Transaction,
        consumer: &str,
        id: EventId,
        lease: Duration,
    ) -> Result<bool, Error> {
        let what: What<'_> = &|| format!("cannot hold dead letter {id} of `{consumer}`");
        let lease_us = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
        let values = [consumer.into(), id.into(), lease_us.into()];
        let call = Call::new(&self.statements().hold_dead_letter, &values, what);
        Ok(self.execute(transaction, call).await? > 0)
    }

    async fn dead_letters(
        &self,
        consumer: &str,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, Error> {
        let what: What<'_> = &|| format!("cannot read the dead letters of `{consumer}`");
        let mut after = after.map_or(NO_ID.to_owned(), |after| after.to_string());
        loop {
            let values = [consumer.into(), (&*after).into(), i64::from(limit).into()];
            let call = Call::new(&self.statements().read_dead_letters, &values, what);
            let rows = self.fetch_committed(Purpose::Reading, call).await?;
            let letters: Vec<_> = rows.iter().filter_map(named_letter).collect();
            match rows.last().and_then(|last| words(last, 0)) {
                // No letter of this page has an id: others may follow.
                Some(last) if letters.is_empty() && last > after => after = last,
                _ => return Ok(letters),
            }
        }
    }

    async fn drop_dead_letter(
        &self,
        consumer: &str,
        id: EventId,
        reason: &str,
    ) -> Result<bool, Error> {
        let what: What<'_> = &|| format!("cannot drop dead letter {id} of `{consumer}`");
        let values = [consumer.into(), id.into(), reason.into()];
        let drop = Call::new(&self.statements().drop_dead_letter, &values, what);
        let renew = Call::new(&self.statements().renew_inbox_receipt, &values[..2], what);
        let mut transaction = self.begin_own(Purpose::Change).await?;
        let is_dropped = self.execute(&mut transaction, drop).await? > 0;
        if is_dropped {
            self.execute(&mut transaction, renew).await?;
        }
        self.commit_own(transaction).await?;
        Ok(is_dropped)
    }

    async fn forget(&self, consumer: &str, age: Duration) -> Result<u64, Error> {
        let statements = self.statements();
        for statement in [&statements.forget_inbox_attempts, &statements.forget_dropped_letters] {
            forget_all(self, statement, consumer, age).await?;
        }
        forget_all(self, &statements.forget_inbox_receipts, consumer, age).await
    }
}

/// As many steps as it takes.
async fn forget_all<S: SqlStore>(
    store: &S,
    statement: &'static S::Statement,
    consumer: &str,
    age: Duration,
) -> Result<u64, Error> {
    let what: What<'_> = &|| format!("cannot forget what `{consumer}` has handled");
    let age_us = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    let values = [consumer.into(), age_us.into(), STEP.cast_signed().into()];
    let mut forgotten = 0;
    loop {
        let mut transaction = store.begin_own(Purpose::Change).await?;
        let step = store.execute(&mut transaction, Call::new(statement, &values, what)).await?;
        store.commit_own(transaction).await?;
        forgotten += step;
        if step < STEP {
            return Ok(forgotten);
        }
    }
}

/// Returns the dead letter, or `None` if it has no valid id: it could not be taken out.
fn named_letter(row: &impl Row) -> Option<DeadLetter> {
    let read = letter(row);
    if let Err(error) = &read {
        tracing::warn!(%error, "a dead letter has no valid id and is not listed");
    }
    read.ok()
}

/// Reads a dead letter. Any column but its id may be malformed.
pub(super) fn letter(row: &impl Row) -> Result<DeadLetter, BoxError> {
    let number = |column| row.number(column).ok().flatten().unwrap_or_default();
    let words = |column| words(row, column).unwrap_or_default();
    let columns = DeadLetterColumns {
        id: there(text(row, 0))?,
        message: words(1),
        body: match row.text(2) {
            Ok(Some(text)) => text.to_owned().into_bytes(),
            Ok(None) | Err(_) => row.bytes(3).ok().flatten().unwrap_or_default(),
        },
        failure_class: words(4),
        failure_message: words(5),
        attempts: number(6),
        died_at_us: number(7),
    };
    columns.read()
}
