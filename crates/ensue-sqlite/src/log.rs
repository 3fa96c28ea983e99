//! The log, read.

use ensue::store::sql::entry;
use ensue::store::{LogId, Page, Read, payload_bytes, position_of};
use ensue::{Error, Log, Position};
use futures_util::TryStreamExt;

use crate::SqliteStore;
use crate::error::failed;
use crate::sql::SqliteRow;

impl Log for SqliteStore {
    async fn head(&self) -> Result<Position, Error> {
        let head: i64 = sqlx::query_scalar(include_str!("sql/read_head.sql"))
            .fetch_one(&self.0.log_reader)
            .await
            .map_err(failed(|| "cannot read how far the log goes".to_owned()))?;
        Ok(Position::new(head.unsigned_abs()))
    }

    async fn identity(&self) -> Result<LogId, Error> {
        let what = || "cannot read the identity of the log".to_owned();
        let epoch: String = sqlx::query_scalar(include_str!("sql/read_log_epoch.sql"))
            .fetch_one(&self.0.log_reader)
            .await
            .map_err(failed(what))?;
        epoch.parse().map_err(|error| Error::store(what(), format!("{error}"), false))
    }

    /// The read ends with the page: while one is open, the WAL cannot be taken back.
    async fn read(&self, page: Page) -> Result<Vec<Read>, Error> {
        let after = page.after;
        let what = || format!("cannot read the log after position {after}");
        // No position is larger than an `i64`, so nothing is after one that is.
        let Ok(after) = i64::try_from(after.get()) else { return Ok(Vec::new()) };
        let mut rows = sqlx::query(include_str!("sql/read_after.sql"))
            .bind(after)
            .bind(page.rows)
            .fetch(&self.0.log_reader);
        let (mut entries, mut bytes) = (Vec::<Read>::new(), 0);
        while let Some(row) = rows.try_next().await.map_err(failed(what))? {
            let entry =
                entry(&SqliteRow(row)).map_err(|error| Error::store(what(), error, false))?;
            bytes += payload_bytes(&entry);
            entries.push(entry);
            if bytes >= page.bytes {
                break;
            }
        }
        drop(rows);
        self.check_pruned(page, entries.first()).await?;
        Ok(entries)
    }

    async fn changed_elsewhere(&self) {
        self.0.wal_file.changed().await;
    }
}

impl SqliteStore {
    /// In one statement, so that what is appended meanwhile is not taken for pruned.
    async fn oldest(&self) -> Result<Position, Error> {
        let oldest: i64 = sqlx::query_scalar(include_str!("sql/read_oldest.sql"))
            .fetch_one(&self.0.log_reader)
            .await
            .map_err(failed(|| "cannot read where the log begins".to_owned()))?;
        Ok(Position::new(oldest.unsigned_abs()))
    }

    /// Positions are dense: what does not begin right after the page's is what is left.
    async fn check_pruned(&self, page: Page, first: Option<&Read>) -> Result<(), Error> {
        let oldest = match first {
            Some(first) => position_of(first),
            None => self.oldest().await?,
        };
        match page.rows > 0 && oldest > page.after.next() {
            true => Err(Error::pruned(page.after, oldest)),
            false => Ok(()),
        }
    }
}
