//! A row of the log as an entry.

use std::collections::BTreeMap;

use ensue_core::{CorrelationId, Entry, Envelope, EventId, Position, Timestamp};

use super::Row;
use super::value::{text, there};
use crate::BoxError;
use crate::store::columns::read_headers;
use crate::store::{Read, UnreadableEntry};

/// The entry of a row with the columns: position, when it was recorded, id, type, version, key, content type,
/// payload as text or as bytes, when it happened, correlation id, causation id, hops, trace context, headers.
///
/// # Errors
/// When it has no position. Any other unreadable column makes it the [`UnreadableEntry`] of that position.
pub fn entry(row: &impl Row) -> Result<Read, BoxError> {
    let position = Position::new(there(row.number(0))?.try_into()?);
    Ok(read(row, position).map_err(|reason| UnreadableEntry {
        position,
        event_type: text(row, 3).ok().flatten(),
        key: text(row, 5).ok().flatten(),
        recorded_at: row.number(1).ok().flatten().map(Timestamp::from_micros),
        reason,
    }))
}

/// Reads the entry. An error names the column and contains no stored text.
fn read(row: &impl Row, position: Position) -> Result<Entry, String> {
    Ok(Entry {
        position,
        recorded_at: Timestamp::from_micros(number(row, 1, "recorded_at_us")?),
        envelope: Envelope {
            id: id(row, 2, "event_id")?.ok_or_else(|| is_null("event_id"))?,
            event_type: word(row, 3, "type")?.ok_or_else(|| is_null("type"))?.into(),
            version: small_number(row, 4, "version")?,
            key: word(row, 5, "key")?,
            content_type: word(row, 6, "content_type")?
                .ok_or_else(|| is_null("content_type"))?
                .into(),
            payload: payload(row)?,
            occurred_at: Timestamp::from_micros(number(row, 9, "occurred_at_us")?),
            correlation_id: word(row, 10, "correlation_id")?
                .map(CorrelationId::new)
                .ok_or_else(|| is_null("correlation_id"))?,
            causation_id: id(row, 11, "causation_id")?,
            hops: small_number(row, 12, "hops")?,
            trace_context: word(row, 13, "trace_context")?,
            headers: headers(row)?,
        },
    })
}

fn number(row: &impl Row, column: usize, name: &str) -> Result<i64, String> {
    let number = row.number(column).map_err(|_| format!("`{name}` is no number"))?;
    number.ok_or_else(|| is_null(name))
}

fn small_number(row: &impl Row, column: usize, name: &str) -> Result<u32, String> {
    let number = number(row, column, name)?;
    number.try_into().map_err(|_| format!("`{name}` is {number}; it must be 0 to {}", u32::MAX))
}

fn word(row: &impl Row, column: usize, name: &str) -> Result<Option<String>, String> {
    text(row, column).map_err(|_| format!("`{name}` is no text"))
}

fn id(row: &impl Row, column: usize, name: &str) -> Result<Option<EventId>, String> {
    let is_none = || format!("`{name}` is no UUID");
    let text = row.text(column).map_err(|_| is_none())?;
    text.map(|id| id.parse().map_err(|_| is_none())).transpose()
}

fn payload(row: &impl Row) -> Result<Vec<u8>, String> {
    let is_none = |_| "`payload` is neither text nor bytes".to_owned();
    match row.text(7).map_err(is_none)? {
        Some(text) => Ok(text.to_owned().into_bytes()),
        None => row.bytes(8).map_err(is_none)?.ok_or_else(|| is_null("payload")),
    }
}

fn headers(row: &impl Row) -> Result<BTreeMap<String, String>, String> {
    let is_none = |_| "`headers` is no JSON object of strings".to_owned();
    read_headers(row.text(14).map_err(is_none)?).map_err(is_none)
}

fn is_null(name: &str) -> String {
    format!("`{name}` is NULL")
}
