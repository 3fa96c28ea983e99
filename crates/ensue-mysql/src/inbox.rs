//! What consumers have received from elsewhere.

use std::collections::BTreeSet;
use std::time::Duration;

use ensue::store::columns::DeadLetterColumns;
use ensue::{BoxError, DeadLetter, Error, EventId, Inbox};
use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::{Arguments, MySqlConnection, Row};

use crate::MysqlStore;
use crate::append::text_or_bytes;
use crate::error::failed;
use crate::sql::sql;
use crate::transaction::MysqlTransaction;

/// LIMIT: rows of one transaction that forgets, so that none of them is long.
const STEP: i64 = 10_000;

/// Before every id.
const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

impl Inbox for MysqlStore {
    /// ORDERING: in one order for everybody, so that nobody waits in a circle.
    async fn note(
        &self,
        transaction: &mut MysqlTransaction,
        consumer: &str,
        events: &[EventId],
    ) -> Result<Vec<EventId>, Error> {
        let what = || format!("cannot note what `{consumer}` handles");
        let mut new = Vec::new();
        for event in events.iter().collect::<BTreeSet<_>>() {
            let note = sqlx::query(sql!("note")).bind(consumer).bind(event.to_string());
            let noted = note.execute(&mut **transaction).await.map_err(failed(what))?;
            new.extend((noted.rows_affected() > 0).then_some(*event));
        }
        Ok(new)
    }

    async fn has_noted(&self, consumer: &str, event: EventId) -> Result<bool, Error> {
        let what = || format!("cannot read whether `{consumer}` has handled {event}");
        let mut arguments = MySqlArguments::default();
        let bound = arguments.add(consumer).and_then(|()| arguments.add(event.to_string()));
        bound.map_err(sqlx::Error::Encode).map_err(failed(what))?;
        let rows = self.fetch_own(sql!("has_noted"), arguments).await.map_err(failed(what))?;
        let found = rows.first().ok_or(sqlx::Error::RowNotFound);
        let found = found.and_then(|row| row.try_get::<i64, _>(0));
        Ok(found.map_err(failed(what))? > 0)
    }

    async fn suspect(&self, consumer: &str, event: EventId) -> Result<Option<u32>, Error> {
        let what = || format!("cannot count an attempt of `{consumer}` at {event}");
        let mut transaction = self.begin_own().await.map_err(failed(what))?;
        let attempts = suspect(&mut transaction, consumer, &event.to_string()).await;
        let attempts = attempts.map_err(failed(what))?;
        transaction.commit().await?;
        Ok(attempts.map(|attempts| attempts.try_into().unwrap_or(u32::MAX)))
    }

    async fn bury(
        &self,
        transaction: &mut MysqlTransaction,
        consumer: &str,
        letter: &DeadLetter,
    ) -> Result<(), Error> {
        let buried = bury(transaction, consumer, letter).await;
        buried.map_err(failed(|| format!("cannot store dead letter {} of `{consumer}`", letter.id)))
    }

    async fn exhume(
        &self,
        transaction: &mut MysqlTransaction,
        consumer: &str,
        id: EventId,
    ) -> Result<Option<DeadLetter>, Error> {
        let what = || format!("cannot take out dead letter {id} of `{consumer}`");
        let rows = sqlx::query(sql!("lock_dead_letter"))
            .bind(consumer)
            .bind(id.to_string())
            .fetch_all(&mut **transaction)
            .await
            .map_err(failed(what))?;
        let Some(row) = rows.first() else { return Ok(None) };
        let delete = sqlx::query(sql!("delete_dead_letter")).bind(consumer).bind(id.to_string());
        delete.execute(&mut **transaction).await.map_err(failed(what))?;
        renew_receipt(transaction, consumer, id).await.map_err(failed(what))?;
        letter(row).map(Some).map_err(|error| Error::store(what(), error, false))
    }

    async fn dead_letters(
        &self,
        consumer: &str,
        after: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, Error> {
        let what = || format!("cannot read the dead letters of `{consumer}`");
        let after = after.map_or(NO_ID.to_owned(), |id| id.to_string());
        let mut arguments = MySqlArguments::default();
        let bound = arguments
            .add(consumer)
            .and_then(|()| arguments.add(after))
            .and_then(|()| arguments.add(i64::from(limit)));
        bound.map_err(sqlx::Error::Encode).map_err(failed(what))?;
        let rows = self.fetch_own(sql!("read_dead_letters"), arguments).await;
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
        let drop = sqlx::query(sql!("drop_dead_letter")).bind(reason);
        let drop = drop.bind(consumer).bind(id.to_string());
        let dropped = drop.execute(&mut *transaction).await.map_err(failed(what))?;
        if dropped.rows_affected() > 0 {
            renew_receipt(&mut transaction, consumer, id).await.map_err(failed(what))?;
        }
        transaction.commit().await?;
        Ok(dropped.rows_affected() > 0)
    }

    async fn forget(&self, consumer: &str, age: Duration) -> Result<u64, Error> {
        let age_us = age.as_micros().try_into().unwrap_or(i64::MAX);
        for statement in [sql!("forget_inbox_attempts"), sql!("forget_dropped_letters")] {
            self.forget_all(statement, consumer, age_us).await?;
        }
        self.forget_all(sql!("forget_inbox_receipts"), consumer, age_us).await
    }
}

impl MysqlStore {
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
            let forget = sqlx::query(statement).bind(consumer).bind(age_us).bind(STEP);
            let step = forget.execute(&mut *transaction).await.map_err(failed(what))?;
            transaction.commit().await?;
            forgotten += step.rows_affected();
            if step.rows_affected() < STEP.unsigned_abs() {
                return Ok(forgotten);
            }
        }
    }
}

/// How many attempts there were, with this one; nothing if the event was handled.
async fn suspect(
    connection: &mut MySqlConnection,
    consumer: &str,
    event: &str,
) -> sqlx::Result<Option<i64>> {
    let suspect = sqlx::query(sql!("suspect")).bind(consumer).bind(event);
    let suspected = suspect.bind(consumer).bind(event).execute(&mut *connection).await?;
    if suspected.rows_affected() == 0 {
        return Ok(None);
    }
    let read = sqlx::query(sql!("read_attempts")).bind(consumer).bind(event);
    let rows = read.fetch_all(connection).await?;
    rows.first().map(|row| row.try_get(0)).transpose()
}

async fn bury(
    connection: &mut MySqlConnection,
    consumer: &str,
    letter: &DeadLetter,
) -> sqlx::Result<()> {
    let columns = DeadLetterColumns::from(letter);
    let (body, body_bytes) = text_or_bytes(&columns.body);
    let bury = sqlx::query(sql!("bury"))
        .bind(consumer)
        .bind(columns.id)
        .bind(columns.message)
        .bind(body)
        .bind(body_bytes)
        .bind(columns.failure_class)
        .bind(columns.failure_message)
        .bind(columns.attempts);
    bury.execute(connection).await.map(drop)
}

/// As what has become of it begins now.
async fn renew_receipt(
    connection: &mut MySqlConnection,
    consumer: &str,
    id: EventId,
) -> sqlx::Result<()> {
    let renew = sqlx::query(sql!("renew_inbox_receipt")).bind(consumer).bind(id.to_string());
    renew.execute(connection).await.map(drop)
}

/// The columns in the order of `sql/read_dead_letters.sql`.
fn letter(row: &MySqlRow) -> Result<DeadLetter, BoxError> {
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
