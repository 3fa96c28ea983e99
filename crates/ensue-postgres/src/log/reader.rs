//! What can be read of a log, on whichever server it is.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use ensue::store::{Outbox, Page};
use ensue::{Entry, Error, EventId, Position};
use sqlx::Row;
use sqlx::postgres::{PgArguments, PgRow};

use super::page_read::PageRead;
use crate::connections::Connections;
use crate::error::{failed, is_lost};
use crate::schema::Schema;

/// Reads a log, and writes nothing.
pub(crate) struct Reader {
    pub(crate) schema: Schema,
    pub(crate) own: Arc<Connections>,
    /// What a payload of the page that was read last had on average.
    usual_bytes: AtomicUsize,
}

impl Reader {
    pub(crate) fn new(schema: Schema, own: Arc<Connections>) -> Self {
        Self { schema, own, usual_bytes: AtomicUsize::new(0) }
    }

    pub(crate) async fn head(&self) -> Result<Position, Error> {
        let head = self.only_row(include_str!("../sql/read_head.sql")).await;
        let head = head.and_then(|row| row.try_get::<i64, _>(0));
        let head = head.map_err(failed(|| "cannot read how far the log goes".to_owned()))?;
        Ok(Position::new(head.unsigned_abs()))
    }

    pub(crate) async fn read(&self, page: Page) -> Result<Vec<Entry>, Error> {
        let after = page.after;
        let what = || format!("cannot read the log after position {after}");
        // No position is larger than an `i64`, so nothing is after one that is.
        let Ok(after) = i64::try_from(after.get()) else { return Ok(Vec::new()) };
        let entries = self.read_page(after, page).await.map_err(failed(what))?;
        self.check_pruned(page, entries.first()).await?;
        Ok(entries)
    }

    pub(crate) async fn outbox(&self) -> Result<Outbox, Error> {
        let what = || "cannot read what waits for its position".to_owned();
        let row = self.only_row(include_str!("../sql/read_outbox.sql")).await;
        let row = row.map_err(failed(what))?;
        let outbox = || {
            let oldest = row.try_get::<i64, _>(1)?.unsigned_abs();
            let events = row.try_get::<i64, _>(0)?.unsigned_abs();
            Ok(Outbox { events, oldest: Duration::from_micros(oldest) })
        };
        outbox().map_err(failed(what))
    }

    pub(crate) async fn epoch(&self) -> Result<EventId, Error> {
        let what = || "cannot read the epoch of the log".to_owned();
        let epoch = self.only_row(include_str!("../sql/read_log_epoch.sql")).await;
        let epoch = epoch.and_then(|row| row.try_get::<String, _>(0)).map_err(failed(what))?;
        epoch.parse().map_err(|error| Error::store(what(), format!("{error}"), false))
    }

    async fn only_row(&self, statement: &'static str) -> sqlx::Result<PgRow> {
        let rows = self.own.fetch_all(self.schema.sql(statement), PgArguments::default()).await?;
        rows.into_iter().next().ok_or(sqlx::Error::RowNotFound)
    }

    /// Positions are dense: what does not begin right after the page's is what is left.
    async fn check_pruned(&self, page: Page, first: Option<&Entry>) -> Result<(), Error> {
        let oldest = match first {
            Some(first) => first.position,
            None => self.floor().await?.next(),
        };
        match page.rows > 0 && oldest.previous() > page.after {
            true => Err(Error::pruned(page.after, oldest)),
            false => Ok(()),
        }
    }

    /// The last position that was pruned.
    async fn floor(&self) -> Result<Position, Error> {
        let floor = self.only_row(include_str!("../sql/read_floor.sql")).await;
        let floor = floor.and_then(|row| row.try_get::<i64, _>(0));
        let floor = floor.map_err(failed(|| "cannot read where the log begins".to_owned()))?;
        Ok(Position::new(floor.unsigned_abs()))
    }

    /// Once more if the connection turns out to be one that the server has closed.
    async fn read_page(&self, after: i64, page: Page) -> sqlx::Result<Vec<Entry>> {
        let statement = self.schema.sql(include_str!("../sql/read_after.sql"));
        loop {
            let lent = self.own.lend().await?;
            let is_old = lent.is_old();
            match PageRead::new(after, page, &self.usual_bytes).read(lent, &statement).await {
                Err(error) if is_old && is_lost(&error) => self.own.forget_idle(),
                answer => return answer,
            }
        }
    }
}
