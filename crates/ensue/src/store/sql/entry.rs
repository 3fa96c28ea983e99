//! A row of the log as an entry.

use ensue_core::{CorrelationId, Entry, Envelope, Position, Timestamp};

use super::Row;
use super::value::{text, there};
use crate::BoxError;
use crate::store::columns::read_headers;

/// The entry of a row with the columns: position, when it was recorded, id, type, version, key, content type,
/// payload as text or as bytes, when it happened, correlation id, causation id, hops, trace context, headers.
///
/// # Errors
/// When it is none.
pub fn entry(row: &impl Row) -> Result<Entry, BoxError> {
    let owned = |column| text(row, column);
    Ok(Entry {
        position: Position::new(there(row.number(0))?.try_into()?),
        recorded_at: Timestamp::from_micros(there(row.number(1))?),
        envelope: Envelope {
            id: there(row.text(2))?.parse()?,
            event_type: there(owned(3))?.into(),
            version: there(row.number(4))?.try_into()?,
            key: owned(5)?,
            content_type: there(owned(6))?.into(),
            payload: match owned(7)? {
                Some(text) => text.into_bytes(),
                None => there(row.bytes(8))?,
            },
            occurred_at: Timestamp::from_micros(there(row.number(9))?),
            correlation_id: CorrelationId::new(there(row.text(10))?),
            causation_id: row.text(11)?.map(str::parse).transpose()?,
            hops: there(row.number(12))?.try_into()?,
            trace_context: owned(13)?,
            headers: read_headers(row.text(14)?)?,
        },
    })
}
