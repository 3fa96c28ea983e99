//! What can be read of a log, on whichever server it is.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use ensue::store::sql::entry;
use ensue::store::{Filling, LogId, Outbox, Page, Read, Span, position_of};
use ensue::{Error, Position};
use futures_util::TryStreamExt;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, Row, SqlStr};

use crate::connections::{BEGIN_READING, Connections, Lent, fetch_all};
use crate::error::failed;
use crate::horizon::Horizon;
use crate::schema::Schema;
use crate::sql::PostgresRow;

/// Reads a log, and writes nothing.
pub(crate) struct Reader {
    pub(crate) schema: Schema,
    horizon: Horizon,
    pub(crate) own: Arc<Connections>,
    /// What a payload of the page that was read last had on average.
    usual_bytes: AtomicUsize,
}

impl Reader {
    pub(crate) fn new(schema: Schema, horizon: Horizon, own: Arc<Connections>) -> Self {
        Self { schema, horizon, own, usual_bytes: AtomicUsize::new(0) }
    }

    pub(crate) async fn head(&self) -> Result<Position, Error> {
        let head = self.only_row(include_str!("../sql/read_head.sql")).await;
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
        let mut since = PgArguments::default();
        let bound = since.add(self.horizon.get()).map_err(sqlx::Error::Encode);
        bound.map_err(failed(what))?;
        let row = self.only_row_of(include_str!("../sql/read_outbox.sql"), since).await;
        let row = row.map_err(failed(what))?;
        let outbox = || {
            let oldest = row.try_get::<i64, _>(1)?.unsigned_abs();
            let events = row.try_get::<i64, _>(0)?.unsigned_abs();
            Ok(Outbox { events, oldest: Duration::from_micros(oldest) })
        };
        outbox().map_err(failed(what))
    }

    pub(crate) async fn identity(&self) -> Result<LogId, Error> {
        let what = || "cannot read the identity of the log".to_owned();
        let epoch = self.only_row(include_str!("../sql/read_log_epoch.sql")).await;
        let epoch = epoch.and_then(|row| row.try_get::<String, _>(0)).map_err(failed(what))?;
        epoch.parse().map_err(|error| Error::store(what(), format!("{error}"), false))
    }

    async fn only_row(&self, statement: &'static str) -> sqlx::Result<PgRow> {
        self.only_row_of(statement, PgArguments::default()).await
    }

    async fn only_row_of(
        &self,
        statement: &'static str,
        arguments: PgArguments,
    ) -> sqlx::Result<PgRow> {
        let rows = fetch_all(&self.own, self.schema.sql(statement), arguments).await?;
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
        let floor = self.only_row(include_str!("../sql/read_floor.sql")).await;
        let floor = floor.and_then(|row| row.try_get::<i64, _>(0));
        let floor = floor.map_err(failed(|| "cannot read where the log begins".to_owned()))?;
        Ok(Position::new(floor.unsigned_abs()))
    }

    /// Once more if the connection turns out to be one that the server has closed.
    async fn read_page(&self, page: Page) -> sqlx::Result<Vec<Read>> {
        let statement = self.schema.sql(include_str!("../sql/read_after.sql"));
        let filled =
            self.own.with(|lent| fill(Filling::new(page, &self.usual_bytes), lent, &statement));
        filled.await
    }
}

/// CANCEL-SAFE: dropped half-way, the connection is closed.
async fn fill(
    mut filling: Filling<'_>,
    mut lent: Lent,
    statement: &SqlStr,
) -> sqlx::Result<Vec<Read>> {
    let is_pooled = lent.server().is_pooled;
    if is_pooled {
        sqlx::raw_sql(BEGIN_READING).execute(&mut *lent).await?;
    }
    loop {
        let span = filling.span();
        if !read_span(&mut filling, span, &mut lent, statement).await? {
            return Ok(filling.finish());
        }
        if !filling.wants_more(span) {
            break;
        }
    }
    if is_pooled {
        sqlx::raw_sql("COMMIT").execute(&mut *lent).await?;
    }
    lent.put_back();
    Ok(filling.finish())
}

/// Whether all that was asked for was taken from the connection.
async fn read_span(
    filling: &mut Filling<'_>,
    (after, up_to): Span,
    lent: &mut Lent,
    statement: &SqlStr,
) -> sqlx::Result<bool> {
    let is_prepared = !lent.server().is_pooled;
    let query = sqlx::query(statement.clone()).persistent(is_prepared);
    let mut rows = query.bind(after).bind(up_to).fetch(&mut **lent);
    while let Some(row) = rows.try_next().await? {
        let entry = entry(&PostgresRow(row)).map_err(sqlx::Error::Decode)?;
        if !filling.take(entry) {
            return Ok(false);
        }
    }
    Ok(true)
}
