//! The correlation id in a header.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ensue::{CorrelationId, EventId, NameRule, Origin};

pub(super) const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// LIMIT: characters. It is stored with every event of the story; ids in use have 16 to 64.
const LENGTH_MAX: usize = 128;

/// What the request says, or one of our own.
pub(super) fn of(headers: &HeaderMap, name: &HeaderName) -> CorrelationId {
    let given = headers.get(name).and_then(|value| value.to_str().ok());
    match given.filter(|text| text.len() <= LENGTH_MAX && NameRule::CORRELATION_ID.allows(text)) {
        Some(text) => CorrelationId::new(text),
        None => EventId::now().into(),
    }
}

/// What the answer says.
pub(super) fn said(origin: &Origin) -> Option<HeaderValue> {
    HeaderValue::from_str(origin.correlation_id.as_ref()?.as_str()).ok()
}
