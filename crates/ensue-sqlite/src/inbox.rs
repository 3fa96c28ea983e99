//! What consumers have received from elsewhere.

use ensue::store::sql::SqlInbox;
use ensue::{BoxError, Error, EventId};
use sqlx::{Row, SqliteConnection};

use crate::SqliteStore;
use crate::error::failed;
use crate::subscriptions::now;
use crate::writer::SqliteTransaction;

impl SqlInbox for SqliteStore {
    async fn note_all(
        &self,
        transaction: &mut SqliteTransaction,
        consumer: &str,
        events: &[EventId],
    ) -> Result<Vec<EventId>, Error> {
        let noted = note(transaction, consumer, events).await;
        noted.map_err(failed(|| format!("cannot note what `{consumer}` handles")))
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
