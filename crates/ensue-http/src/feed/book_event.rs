//! An entry as the book's feed shows it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ensue::Entry;
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

impl<'a> BookEvent<'a> {
    pub(crate) fn of(entry: &'a Entry) -> Self {
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
}

/// The payload as what a JSON string can hold, and the content type that says how to read it.
fn text<'a>(content_type: &'a str, payload: &'a [u8]) -> (Cow<'a, str>, Cow<'a, str>) {
    match std::str::from_utf8(payload) {
        Ok(text) => (content_type.into(), text.into()),
        Err(_) => (format!("{content_type};base64").into(), STANDARD.encode(payload).into()),
    }
}
