//! What consumers have received from elsewhere.

use std::collections::BTreeSet;

use ensue::store::sql::SqlInbox;
use ensue::{Error, EventId};

use crate::MysqlStore;
use crate::error::failed;
use crate::sql::sql;
use crate::transaction::MysqlTransaction;

impl SqlInbox for MysqlStore {
    /// One by one: which rows of a statement were new it does not say.
    async fn note_all(
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
}
