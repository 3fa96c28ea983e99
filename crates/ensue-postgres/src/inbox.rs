//! What consumers have received from elsewhere.

use std::time::Duration;

use ensue::store::columns::DeadLetterColumns;
use ensue::{BoxError, DeadLetter, Error, EventId, Inbox};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, Row};

use crate::PostgresStore;
use crate::append::text_or_bytes;
use crate::error::failed;
use crate::subscriptions::Open;
use crate::transaction::PostgresTransaction;

/// LIMIT: rows of one transaction that forgets, so that none of them is long.
const STEP: i64 = 10_000;

/// Before every id.
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

impl Inbox for PostgresStore {
    async fn note(
        &self,
        transaction: &mut PostgresTransaction,
        consumer: &str,
        events: &[EventId],
    ) -> Result<Vec<EventId>, Error> {
        let what = || format!("cannot note what `{consumer}` handles");
        let open = &mut self.open_in(transaction);
        let ids: Vec<_> = events.iter().map(EventId::to_string).collect();
        let note = open.query(include_str!("sql/note.sql")).bind(consumer).bind(ids);
        let rows = open.fetch_all(note).await.map_err(failed(what))?;
        let new = rows.iter().map(|row| Ok(row.try_get::<&str, _>(0)?.parse()?));
        let new = new.collect::<Result<_, BoxError>>();
        new.map_err(|error| Error::store(what(), error, false))
    }

    async fn has_noted(&self, consumer: &str, event: EventId) -> Result<bool, Error> {
        let what = || format!("cannot read whether `{consumer}` has handled {event}");
        let mut arguments = PgArguments::default();
        let bound = arguments.add(consumer).and_then(|()| arguments.add(event.to_string()));
        bound.map_err(sqlx::Error::Encode).map_err(failed(what))?;
        let rows = self.fetch_own(include_str!("sql/has_noted.sql"), arguments).await;
        let rows = rows.map_err(failed(what))?;
        let found = rows.first().ok_or(sqlx::Error::RowNotFound).and_then(|row| row.try_get(0));
        found.map_err(failed(what))
    }

    async fn suspect(&self, consumer: &str, event: EventId) -> Result<Option<u32>, Error> {
        let what = || format!("cannot count an attempt of `{consumer}` at {event}");
        let mut transaction = self.begin_own().await.map_err(failed(what))?;
        let open = &mut self.open_in(&mut transaction);
        let suspect = open.query(include_str!("sql/suspect.sql"));
        let suspect = suspect.bind(consumer).bind(event.to_string());
        let row = open.fetch_optional(suspect).await.map_err(failed(what))?;
        let attempts: Option<i64> =
            row.map(|row| row.try_get(0)).transpose().map_err(failed(what))?;
        transaction.commit().await.map_err(failed(what))?;
        Ok(attempts.map(|attempts| attempts.try_into().unwrap_or(u32::MAX)))
    }

    async fn bury(
        &self,
        transaction: &mut PostgresTransaction,
        consumer: &str,
        letter: &DeadLetter,
    ) -> Result<(), Error> {
        let buried = bury(&mut self.open_in(transaction), consumer, letter).await;
        buried.map_err(failed(|| format!("cannot store dead letter {} of `{consumer}`", letter.id)))
    }

    async fn exhume(
        &self,
        transaction: &mut PostgresTransaction,
        consumer: &str,
        id: EventId,
    ) -> Result<Option<DeadLetter>, Error> {
        let what = || format!("cannot take out dead letter {id} of `{consumer}`");
        let open = &mut self.open_in(transaction);
        let exhume = open.query(include_str!("sql/exhume.sql"));
        let exhume = exhume.bind(consumer).bind(id.to_string());
        let row = open.fetch_optional(exhume).await.map_err(failed(what))?;
        if row.is_some() {
            renew_receipt(open, consumer, id).await.map_err(failed(what))?;
        }
        row.as_ref().map(letter).transpose().map_err(|error| Error::store(what(), error, false))
    }

    async fn dead_letters(
        &self,
        consumer: &str,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, Error> {
        let what = || format!("cannot read the dead letters of `{consumer}`");
        let after = after.map_or(NO_ID.to_owned(), |id| id.to_string());
        let mut arguments = PgArguments::default();
        let bound = arguments
            .add(consumer)
            .and_then(|()| arguments.add(after))
            .and_then(|()| arguments.add(i64::from(limit)));
        bound.map_err(sqlx::Error::Encode).map_err(failed(what))?;
        let rows = self.fetch_own(include_str!("sql/read_dead_letters.sql"), arguments).await;
        let letters = rows.map_err(failed(what))?.iter().map(letter).collect::<Result<_, _>>();
        letters.map_err(|error| Error::store(what(), error, false))
    }

    async fn drop_dead_letter(
        &self,
        consumer: &str,
        id: EventId,
        reason: &str,
    ) -> Result<bool, Error> {
        let what = || format!("cannot drop dead letter {id} of `{consumer}`");
        let mut transaction = self.begin_own().await.map_err(failed(what))?;
        let open = &mut self.open_in(&mut transaction);
        let drop = open.query(include_str!("sql/drop_dead_letter.sql"));
        let drop = drop.bind(consumer).bind(id.to_string()).bind(without_zeros(reason));
        let dropped = open.execute(drop).await.map_err(failed(what))?;
        if dropped > 0 {
            renew_receipt(open, consumer, id).await.map_err(failed(what))?;
        }
        transaction.commit().await.map_err(failed(what))?;
        Ok(dropped > 0)
    }

    async fn forget(&self, consumer: &str, age: Duration) -> Result<u64, Error> {
        let age_us = age.as_micros().try_into().unwrap_or(i64::MAX);
        for statement in [
            include_str!("sql/forget_inbox_attempts.sql"),
            include_str!("sql/forget_dropped_letters.sql"),
        ] {
            self.forget_all(statement, consumer, age_us).await?;
        }
        self.forget_all(include_str!("sql/forget_inbox_receipts.sql"), consumer, age_us).await
    }
}

impl PostgresStore {
    /// As many steps as it takes.
    async fn forget_all(
        &self,
        statement: &'static str,
        consumer: &str,
        age_us: i64,
    ) -> Result<u64, Error> {
        let what = || format!("cannot forget what `{consumer}` has handled");
        let mut forgotten = 0;
        loop {
            let mut transaction = self.begin_own().await.map_err(failed(what))?;
            let open = &mut self.open_in(&mut transaction);
            let forget = open.query(statement).bind(consumer).bind(age_us).bind(STEP);
            let step = open.execute(forget).await.map_err(failed(what))?;
            transaction.commit().await.map_err(failed(what))?;
            forgotten += step;
            if step < STEP.unsigned_abs() {
                return Ok(forgotten);
            }
        }
    }
}

async fn bury(open: &mut Open<'_>, consumer: &str, letter: &DeadLetter) -> sqlx::Result<()> {
    let columns = DeadLetterColumns::from(letter);
    let (body, body_bytes) = text_or_bytes(&columns.body);
    let bury = open
        .query(include_str!("sql/bury.sql"))
        .bind(consumer)
        .bind(columns.id)
        .bind(columns.message)
        .bind(body)
        .bind(body_bytes)
        .bind(columns.failure_class)
        .bind(without_zeros(&columns.failure_message))
        .bind(columns.attempts);
    open.execute(bury).await.map(drop)
}

/// PostgreSQL's text cannot hold a zero, and whatever somebody says of a failure must be stored all the
/// same. In the message, which is JSON, it is escaped.
fn without_zeros(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// As what has become of it begins now.
async fn renew_receipt(open: &mut Open<'_>, consumer: &str, id: EventId) -> sqlx::Result<()> {
    let renew = open.query(include_str!("sql/renew_inbox_receipt.sql"));
    open.execute(renew.bind(consumer).bind(id.to_string())).await.map(drop)
}

/// The columns in the order of `sql/read_dead_letters.sql`.
fn letter(row: &PgRow) -> Result<DeadLetter, BoxError> {
    let text: Option<String> = row.try_get(2)?;
    let columns = DeadLetterColumns {
        id: row.try_get(0)?,
        message: row.try_get(1)?,
        body: match text {
            Some(text) => text.into_bytes(),
            None => row.try_get(3)?,
        },
        failure_class: row.try_get(4)?,
        failure_message: row.try_get(5)?,
        attempts: row.try_get(6)?,
        died_at_us: row.try_get(7)?,
    };
    columns.read()
}
