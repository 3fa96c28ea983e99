//! What can be read of a log, on whichever server it is.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use ensue::store::sql::entry;
use ensue::store::{Filling, Outbox, Page, Read, Span, position_of};
use ensue::{Error, EventId, Position};
use futures_util::TryStreamExt;
use sqlx::Row;
use sqlx::mysql::{MySqlArguments, MySqlRow};

use crate::connections::{Connections, Lent, fetch_all};
use crate::error::failed;
use crate::sql::{MysqlRow, sql};

/// Reads a log, and writes nothing.
pub(crate) struct Reader {
    pub(crate) own: Arc<Connections>,
    /// What a payload of the page that was read last had on average.
    usual_bytes: AtomicUsize,
}

impl Reader {
    pub(crate) fn new(own: Arc<Connections>) -> Self {
        Self { own, usual_bytes: AtomicUsize::new(0) }
    }

    pub(crate) async fn head(&self) -> Result<Position, Error> {
        let head = self.only_row(sql!("read_head")).await;
        let head = head.and_then(|row| row.try_get::<i64, _>(0));
        let head = head.map_err(failed(|| "cannot read how far the log goes".to_owned()))?;
        Ok(Position::new(head.unsigned_abs()))
    }

    pub(crate) async fn read(&self, page: Page) -> Result<Vec<Read>, Error> {
        let after = page.after;
        let what = || format!("cannot read the log after position {after}");
        // No position is larger than an `i64`, so nothing is after one that is.
        if i64::try_from(after.get()).is_err() {
            return Ok(Vec::new());
        }
        let entries = self.read_page(page).await.map_err(failed(what))?;
        self.check_pruned(page, entries.first()).await?;
        Ok(entries)
    }

    pub(crate) async fn outbox(&self) -> Result<Outbox, Error> {
        let what = || "cannot read what waits for its position".to_owned();
        let row = self.only_row(sql!("read_outbox")).await;
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
        let epoch = self.only_row(sql!("read_log_epoch")).await;
        let epoch = epoch.and_then(|row| row.try_get::<String, _>(0)).map_err(failed(what))?;
        epoch.parse().map_err(|error| Error::store(what(), format!("{error}"), false))
    }

    async fn only_row(&self, statement: &'static str) -> sqlx::Result<MySqlRow> {
        let rows = fetch_all(&self.own, statement, MySqlArguments::default()).await?;
        rows.into_iter().next().ok_or(sqlx::Error::RowNotFound)
    }

    /// Positions are dense: what does not begin right after the page's is what is left.
    async fn check_pruned(&self, page: Page, first: Option<&Read>) -> Result<(), Error> {
        let oldest = match first {
            Some(first) => position_of(first),
            None => self.floor().await?.next(),
        };
        match page.rows > 0 && oldest.previous() > page.after {
            true => Err(Error::pruned(page.after, oldest)),
            false => Ok(()),
        }
    }

    /// The last position that was pruned.
    async fn floor(&self) -> Result<Position, Error> {
        let floor = self.only_row(sql!("read_floor")).await;
        let floor = floor.and_then(|row| row.try_get::<i64, _>(0));
        let floor = floor.map_err(failed(|| "cannot read where the log begins".to_owned()))?;
        Ok(Position::new(floor.unsigned_abs()))
    }

    /// Once more if the connection turns out to be one that the server has closed.
    async fn read_page(&self, page: Page) -> sqlx::Result<Vec<Read>> {
        let filled = self.own.with(|lent| fill(Filling::new(page, &self.usual_bytes), lent));
        filled.await
    }
}

/// CANCEL-SAFE: dropped half-way, the connection is closed.
async fn fill(mut filling: Filling<'_>, mut lent: Lent) -> sqlx::Result<Vec<Read>> {
    loop {
        let span = filling.span();
        if !read_span(&mut filling, span, &mut lent).await? {
            return Ok(filling.finish());
        }
        if !filling.wants_more(span) {
            break;
        }
    }
    lent.put_back();
    Ok(filling.finish())
}

/// Whether all that was asked for was taken from the connection.
async fn read_span(
    filling: &mut Filling<'_>,
    (after, up_to): Span,
    lent: &mut Lent,
) -> sqlx::Result<bool> {
    let query = sqlx::query(sql!("read_after")).bind(after).bind(up_to);
    let mut rows = query.fetch(&mut ***lent);
    while let Some(row) = rows.try_next().await? {
        let entry = entry(&MysqlRow(row)).map_err(sqlx::Error::Decode)?;
        if !filling.take(entry) {
            return Ok(false);
        }
    }
    Ok(true)
}
