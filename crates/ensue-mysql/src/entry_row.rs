//! A row of the log as an entry.

use std::borrow::Cow;

use ensue::store::columns::read_headers;
use ensue::{BoxError, CorrelationId, Entry, Envelope, Position, Timestamp};
use sqlx::Row;
use sqlx::mysql::MySqlRow;

/// The columns in the order of `sql/read_after.sql`.
pub(crate) fn entry(row: &MySqlRow) -> Result<Entry, BoxError> {
    Ok(Entry {
        position: Position::new(row.try_get::<i64, _>(0)?.try_into()?),
        recorded_at: Timestamp::from_micros(row.try_get(1)?),
        envelope: Envelope {
            id: row.try_get::<&str, _>(2)?.parse()?,
            event_type: Cow::Owned(row.try_get(3)?),
            version: row.try_get::<i64, _>(4)?.try_into()?,
            key: row.try_get(5)?,
            content_type: Cow::Owned(row.try_get(6)?),
            payload: payload(row)?,
            occurred_at: Timestamp::from_micros(row.try_get(9)?),
            correlation_id: CorrelationId::new(row.try_get::<&str, _>(10)?),
            causation_id: row.try_get::<Option<&str>, _>(11)?.map(str::parse).transpose()?,
            hops: row.try_get::<i64, _>(12)?.try_into()?,
            trace_context: row.try_get(13)?,
            headers: read_headers(row.try_get(14)?)?,
        },
    })
}

fn payload(row: &MySqlRow) -> Result<Vec<u8>, BoxError> {
    Ok(match row.try_get::<Option<String>, _>(7)? {
        Some(text) => text.into_bytes(),
        None => row.try_get(8)?,
    })
}
