//! An entry as the book's feed shows it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ensue::store::{Read, UnreadableEntry};
use ensue::{Entry, Timestamp};
use serde::Serialize;

/// INVARIANT: the members, their names and their order are the book's, bit for bit.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BookEvent<'a> {
    id: u64,
    r#type: &'a str,
    content_type: Cow<'a, str>,
    payload: Cow<'a, str>,
    timestamp: i64,
}

/// The `type` of an entry that cannot be read. No consumer has an event of this name.
pub(crate) const UNREADABLE: &str = "ensue.unreadable";

impl<'a> BookEvent<'a> {
    pub(crate) fn of(read: &'a Read) -> Self {
        match read {
            Ok(entry) => Self::readable(entry),
            Err(unreadable) => Self::unreadable(unreadable),
        }
    }

    fn readable(entry: &'a Entry) -> Self {
        let envelope = &entry.envelope;
        let (content_type, payload) = text(&envelope.content_type, &envelope.payload);
        Self {
            id: entry.position.get(),
            r#type: &envelope.event_type,
            content_type,
            payload,
            timestamp: envelope.occurred_at.as_millis(),
        }
    }

    /// Stands in for the entry, since consumers count the events they receive.
    fn unreadable(unreadable: &'a UnreadableEntry) -> Self {
        let UnreadableEntry { position, event_type, recorded_at, reason, .. } = unreadable;
        let payload = Unreadable { event_type: event_type.as_deref(), reason };
        Self {
            id: position.get(),
            r#type: UNREADABLE,
            content_type: "application/json".into(),
            // Text can always be written as JSON.
            payload: serde_json::to_string(&payload).unwrap_or_default().into(),
            timestamp: recorded_at.map_or(0, Timestamp::as_millis),
        }
    }
}

/// The payload that stands in for an entry that cannot be read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Unreadable<'a> {
    event_type: Option<&'a str>,
    reason: &'a str,
}

/// The suffix of the content type of a payload in base64.
const BASE64: &str = ";base64";

/// The payload as what a JSON string can hold, and the content type that says how to read it.
fn text<'a>(content_type: &'a str, payload: &'a [u8]) -> (Cow<'a, str>, Cow<'a, str>) {
    match std::str::from_utf8(payload) {
        Ok(text) if !content_type.ends_with(BASE64) => (content_type.into(), text.into()),
        Ok(_) | Err(_) => {
            (format!("{content_type}{BASE64}").into(), STANDARD.encode(payload).into())
        }
    }
}
