//! A row of the log as an entry.

use std::borrow::Cow;

use ensue::store::columns::read_headers;
use ensue::{BoxError, CorrelationId, Entry, Envelope, Position, Timestamp};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

/// The columns in the order of `sql/read_after.sql`.
pub(crate) fn entry(row: &SqliteRow) -> Result<Entry, BoxError> {
    Ok(Entry {
        position: Position::new(u64::try_from(row.try_get::<i64, _>(0)?)?),
        recorded_at: Timestamp::from_micros(row.try_get(8)?),
        envelope: Envelope {
            id: row.try_get::<&str, _>(1)?.parse()?,
            event_type: Cow::Owned(row.try_get(2)?),
            version: row.try_get(3)?,
            key: row.try_get(4)?,
            content_type: Cow::Owned(row.try_get(5)?),
            payload: row.try_get(6)?,
            occurred_at: Timestamp::from_micros(row.try_get(7)?),
            correlation_id: CorrelationId::new(row.try_get::<&str, _>(9)?),
            causation_id: row.try_get::<Option<&str>, _>(10)?.map(str::parse).transpose()?,
            hops: row.try_get(11)?,
            trace_context: row.try_get(12)?,
            headers: read_headers(row.try_get(13)?)?,
        },
    })
}
