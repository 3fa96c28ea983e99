//! The log, read.

use std::time::Duration;

use ensue::store::{Outbox, Page};
use ensue::{Entry, Error, Log, Position};
use futures_util::TryStreamExt;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Row, SqlStr};

use crate::connections::{BEGIN_READING, Lent, WAIT_MAX};
use crate::error::{failed, is_lost};
use crate::store::Inner;
use crate::{PostgresStore, entry_row};

impl Log for PostgresStore {
    async fn head(&self) -> Result<Position, Error> {
        let head = self.only_row(include_str!("sql/read_head.sql")).await;
        let head = head.and_then(|row| row.try_get::<i64, _>(0));
        let head = head.map_err(failed(|| "cannot read how far the log goes".to_owned()))?;
        Ok(Position::new(head.unsigned_abs()))
    }

    /// A pass that looks at everything, by whichever process, and then the head.
    async fn barrier(&self) -> Result<Position, Error> {
        if !self.inner().signals.demand(WAIT_MAX).await {
            let what = format!("waited {WAIT_MAX:?} for the log to be complete");
            return Err(Error::store(what, "the sequencer does not get on", true));
        }
        self.head().await
    }

    async fn read(&self, page: Page) -> Result<Vec<Entry>, Error> {
        let after = page.after;
        let what = || format!("cannot read the log after position {after}");
        // No position is larger than an `i64`, so nothing is after one that is.
        let Ok(after) = i64::try_from(after.get()) else { return Ok(Vec::new()) };
        let entries = self.read_page(after, page).await.map_err(failed(what))?;
        self.check_pruned(page, entries.first()).await?;
        Ok(entries)
    }

    async fn outbox(&self) -> Result<Option<Outbox>, Error> {
        let what = || "cannot read what waits for its position".to_owned();
        let row = self.only_row(include_str!("sql/read_outbox.sql")).await.map_err(failed(what))?;
        let outbox = || {
            let oldest = row.try_get::<i64, _>(1)?.unsigned_abs();
            let events = row.try_get::<i64, _>(0)?.unsigned_abs();
            Ok(Outbox { events, oldest: Duration::from_micros(oldest) })
        };
        outbox().map(Some).map_err(failed(what))
    }

    /// The sequencer gives them, and tells of each pass.
    fn has_positions_at_commit(&self) -> bool {
        false
    }

    async fn changed_elsewhere(&self) {
        self.inner().signals.growth(&self.seen).await;
    }
}

impl PostgresStore {
    pub(crate) async fn only_row(&self, statement: &'static str) -> sqlx::Result<PgRow> {
        let Inner { own, schema, .. } = self.inner();
        let rows = own.fetch_all(schema.sql(statement), PgArguments::default()).await?;
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
        let floor = self.only_row(include_str!("sql/read_floor.sql")).await;
        let floor = floor.and_then(|row| row.try_get::<i64, _>(0));
        let floor = floor.map_err(failed(|| "cannot read where the log begins".to_owned()))?;
        Ok(Position::new(floor.unsigned_abs()))
    }

    /// Once more if the connection turns out to be one that the server has closed.
    async fn read_page(&self, after: i64, page: Page) -> sqlx::Result<Vec<Entry>> {
        let Inner { own, schema, .. } = self.inner();
        loop {
            let lent = own.lend().await?;
            let is_old = lent.is_old();
            let statement = schema.sql(include_str!("sql/read_after.sql"));
            match read_page(lent, statement, after, page).await {
                Err(error) if is_old && is_lost(&error) => own.forget_idle(),
                answer => return answer,
            }
        }
    }
}

/// Reads rows until the page is full. The rest of a page that is full of bytes is not waited for:
/// the connection is closed instead.
async fn read_page(
    mut lent: Lent,
    statement: SqlStr,
    after: i64,
    page: Page,
) -> sqlx::Result<Vec<Entry>> {
    let is_pooled = lent.is_pooled();
    if is_pooled {
        sqlx::raw_sql(BEGIN_READING).execute(&mut *lent).await?;
    }
    let query =
        sqlx::query(statement).persistent(!is_pooled).bind(after).bind(i64::from(page.rows));
    let mut rows = query.fetch(&mut *lent);
    let (mut entries, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.try_next().await? {
        let entry = entry_row::entry(&row).map_err(sqlx::Error::Decode)?;
        bytes += entry.envelope.payload.len();
        entries.push(entry);
        if bytes >= page.bytes {
            return Ok(entries);
        }
    }
    drop(rows);
    if is_pooled {
        sqlx::raw_sql("COMMIT").execute(&mut *lent).await?;
    }
    lent.put_back();
    Ok(entries)
}
