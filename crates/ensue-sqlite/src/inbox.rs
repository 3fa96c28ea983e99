//! What consumers have received from elsewhere.

use std::time::{Duration, SystemTime};

use ensue::store::columns::DeadLetterColumns;
use ensue::{BoxError, DeadLetter, Error, EventId, Inbox, Timestamp, Transactions};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::SqliteStore;
use crate::error::failed;
use crate::writer::SqliteTransaction;

/// LIMIT: rows of one transaction that forgets, since nobody else writes meanwhile.
const STEP: u32 = 10_000;

impl Inbox for SqliteStore {
    async fn note(
        &self,
        transaction: &mut SqliteTransaction,
        consumer: &str,
        events: &[EventId],
    ) -> Result<Vec<EventId>, Error> {
        let noted = note(transaction, consumer, events).await;
        noted.map_err(failed(|| format!("cannot note what `{consumer}` handles")))
    }

    async fn has_noted(&self, consumer: &str, event: EventId) -> Result<bool, Error> {
        sqlx::query_scalar(include_str!("sql/has_noted.sql"))
            .bind(consumer)
            .bind(event.to_string())
            .fetch_one(&self.0.log_reader)
            .await
            .map_err(failed(|| format!("cannot read whether `{consumer}` has handled {event}")))
    }

    async fn suspect(&self, consumer: &str, event: EventId) -> Result<Option<u32>, Error> {
        let what = || format!("cannot count an attempt of `{consumer}` at {event}");
        let mut transaction = self.begin().await?;
        let attempts = sqlx::query_scalar(include_str!("sql/suspect.sql"))
            .bind(consumer)
            .bind(event.to_string())
            .bind(now().as_micros())
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed(what))?;
        transaction.commit().await.map_err(failed(what))?;
        Ok(attempts)
    }

    async fn bury(
        &self,
        transaction: &mut SqliteTransaction,
        consumer: &str,
        letter: &DeadLetter,
    ) -> Result<(), Error> {
        let buried = bury(transaction, consumer, letter).await;
        buried.map_err(failed(|| format!("cannot store dead letter {} of `{consumer}`", letter.id)))
    }

    async fn exhume(
        &self,
        transaction: &mut SqliteTransaction,
        consumer: &str,
        id: EventId,
    ) -> Result<Option<DeadLetter>, Error> {
        let what = || format!("cannot take out dead letter {id} of `{consumer}`");
        let row: Option<SqliteRow> = sqlx::query(include_str!("sql/exhume.sql"))
            .bind(consumer)
            .bind(id.to_string())
            .fetch_optional(&mut **transaction)
            .await
            .map_err(failed(what))?;
        if row.is_some() {
            renew_receipt(transaction, consumer, id).await.map_err(failed(what))?;
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
        let rows = sqlx::query(include_str!("sql/read_dead_letters.sql"))
            .bind(consumer)
            .bind(after.map(|id| id.to_string()).unwrap_or_default())
            .bind(limit)
            .fetch_all(&self.0.log_reader)
            .await
            .map_err(failed(what))?;
        let letters = rows.iter().map(letter).collect::<Result<_, _>>();
        letters.map_err(|error| Error::store(what(), error, false))
    }

    async fn drop_dead_letter(
        &self,
        consumer: &str,
        id: EventId,
        reason: &str,
    ) -> Result<bool, Error> {
        let what = || format!("cannot drop dead letter {id} of `{consumer}`");
        let mut transaction = self.begin().await?;
        let dropped = sqlx::query(include_str!("sql/drop_dead_letter.sql"))
            .bind(now().as_micros())
            .bind(reason)
            .bind(consumer)
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(failed(what))?;
        if dropped.rows_affected() > 0 {
            renew_receipt(&mut transaction, consumer, id).await.map_err(failed(what))?;
        }
        transaction.commit().await.map_err(failed(what))?;
        Ok(dropped.rows_affected() > 0)
    }

    async fn forget(&self, consumer: &str, age: Duration) -> Result<u64, Error> {
        let before = age.as_micros().try_into().unwrap_or(i64::MAX);
        let before = now().as_micros().saturating_sub(before);
        for statement in [
            include_str!("sql/forget_inbox_attempts.sql"),
            include_str!("sql/forget_dropped_letters.sql"),
        ] {
            self.forget_all(statement, consumer, before).await?;
        }
        self.forget_all(include_str!("sql/forget_inbox_receipts.sql"), consumer, before).await
    }
}

impl SqliteStore {
    /// As many steps as it takes.
    async fn forget_all(
        &self,
        statement: &'static str,
        consumer: &str,
        before_us: i64,
    ) -> Result<u64, Error> {
        let what = || format!("cannot forget what `{consumer}` has handled");
        let mut forgotten = 0;
        loop {
            let mut transaction = self.begin().await?;
            let step = sqlx::query(statement).bind(consumer).bind(before_us).bind(STEP);
            let step = step.execute(&mut *transaction).await.map_err(failed(what))?;
            transaction.commit().await.map_err(failed(what))?;
            forgotten += step.rows_affected();
            if step.rows_affected() < u64::from(STEP) {
                return Ok(forgotten);
            }
        }
    }
}

async fn note(
    connection: &mut SqliteConnection,
    consumer: &str,
    events: &[EventId],
) -> sqlx::Result<Vec<EventId>> {
    let ids: Vec<_> = events.iter().map(|id| format!("\"{id}\"")).collect();
    let rows = sqlx::query(include_str!("sql/note.sql"))
        .bind(consumer)
        .bind(now().as_micros())
        .bind(format!("[{}]", ids.join(",")))
        .fetch_all(connection)
        .await?;
    let new = rows.iter().map(|row| Ok(row.try_get::<&str, _>(0)?.parse()?));
    new.collect::<Result<_, BoxError>>().map_err(sqlx::Error::Decode)
}

async fn bury(
    connection: &mut SqliteConnection,
    consumer: &str,
    letter: &DeadLetter,
) -> sqlx::Result<()> {
    let columns = DeadLetterColumns::from(letter);
    let query = sqlx::query(include_str!("sql/bury.sql"))
        .bind(consumer)
        .bind(columns.id)
        .bind(columns.message);
    // As in the log: the bytes are the same either way, and text can be read in any shell.
    let query = match std::str::from_utf8(&columns.body) {
        Ok(text) => query.bind(text),
        Err(_) => query.bind(&*columns.body),
    };
    query
        .bind(columns.failure_class)
        .bind(columns.failure_message)
        .bind(columns.attempts)
        .bind(now().as_micros())
        .execute(connection)
        .await
        .map(drop)
}

/// As what has become of it begins now.
async fn renew_receipt(
    connection: &mut SqliteConnection,
    consumer: &str,
    id: EventId,
) -> sqlx::Result<()> {
    let renew = sqlx::query(include_str!("sql/renew_inbox_receipt.sql"));
    let renew = renew.bind(now().as_micros()).bind(consumer).bind(id.to_string());
    renew.execute(connection).await.map(drop)
}

/// The columns in the order of `sql/read_dead_letters.sql`.
fn letter(row: &SqliteRow) -> Result<DeadLetter, BoxError> {
    let columns = DeadLetterColumns {
        id: row.try_get(0)?,
        message: row.try_get(1)?,
        body: row.try_get(2)?,
        failure_class: row.try_get(3)?,
        failure_message: row.try_get(4)?,
        attempts: row.try_get(5)?,
        died_at_us: row.try_get(6)?,
    };
    columns.read()
}

/// The database's clock: the one of its machine, which all its processes share.
fn now() -> Timestamp {
    SystemTime::now().into()
}
