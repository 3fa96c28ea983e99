//! What consumers have received from elsewhere.

use ensue::store::sql::SqlInbox;
use ensue::{BoxError, Error, EventId};
use sqlx::Row;

use crate::PostgresStore;
use crate::error::failed;
use crate::transaction::PostgresTransaction;

impl SqlInbox for PostgresStore {
    async fn note_all(
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
}
