//! Events in the form in which other programs expect them:
//! [CloudEvents 1.0.2](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md).
//!
//! | attribute | what it is here |
//! |---|---|
//! | `id` | the event's id |
//! | `source` | what the application is called; with `id`, it recognises the event |
//! | `type`, `datacontenttype`, data | type, content type and payload, byte for byte |
//! | `time` | when it happened |
//! | `subject`, `partitionkey` | the key |
//! | `sequence` | the position, with zeros in front so that it is ordered as text too |
//! | `recordedtime` | when it was stored |
//! | `correlationid`, `causationid` | the story, and the event that it was raised for |
//! | `traceparent` | the trace context of who raised it, however many hops ago |
//! | `ensueversion`, `ensuehops` | the payload's version and the hops, unless 1 and 0 |
//! | a header's name | a header, if attributes can have such a name and such a value |
//! | `ensueheaders` | all other headers, as a JSON object |
//!
//! There is no `sequencetype`: `Integer` is for 32 bits.
//!
//! A transport has a *binary* mode, with an attribute in a header each and the data as the body, and a
//! *structured* one, with everything in a JSON body. What is written is up to the sink; read is either,
//! with the headers of any transport.
//!
//! ```
//! use ensue::Timestamp;
//! use ensue::cloud_event::CloudEvent;
//!
//! let headers = [("ce-specversion", "1.0"), ("ce-id", "7"), ("ce-source", "/till"), ("ce-type", "sold")];
//! let event = CloudEvent::read(headers, Some("text/plain"), b"3 apples")?;
//! let message = event.into_message(Timestamp::from_micros(0))?;
//! assert_eq!((&*message.id, &*message.envelope.event_type), ("7", "sold"));
//! # Ok::<(), ensue::cloud_event::NoEvent>(())
//! ```

mod base64;
mod json;
mod reading;
mod time;
mod writing;

use std::borrow::Cow;
use std::fmt;

use ensue_core::Timestamp;

/// An event with the attributes of CloudEvents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudEvent<'a> {
    /// All but the content type, which transports have a place of their own for.
    attributes: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    content_type: Option<Cow<'a, str>>,
    data: Cow<'a, [u8]>,
}

impl CloudEvent<'_> {
    /// The attributes by their names, `specversion` among them and `datacontenttype` not.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes.iter().map(|(name, value)| (&**name, &**value))
    }

    /// An attribute's value.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// The attribute `datacontenttype`.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The payload.
    pub fn data(&self) -> &[u8] {
        &self.data
    }
}

/// Why something is no event that could be handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoEvent(String);

impl fmt::Display for NoEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoEvent {}

/// A time as attributes have it, for transports in which it is a number.
pub fn rfc_3339(time: Timestamp) -> String {
    time::written(time)
}

/// The content type of the structured mode.
pub const STRUCTURED: &str = "application/cloudevents+json";

const SPEC_VERSION: &str = "1.0";

/// Attributes that are not headers.
mod names {
    pub(super) const SPEC_VERSION: &str = "specversion";
    pub(super) const ID: &str = "id";
    pub(super) const SOURCE: &str = "source";
    pub(super) const TYPE: &str = "type";
    pub(super) const TIME: &str = "time";
    pub(super) const SUBJECT: &str = "subject";
    pub(super) const PARTITION_KEY: &str = "partitionkey";
    pub(super) const SEQUENCE: &str = "sequence";
    pub(super) const RECORDED_TIME: &str = "recordedtime";
    pub(super) const CORRELATION_ID: &str = "correlationid";
    pub(super) const CAUSATION_ID: &str = "causationid";
    pub(super) const TRACE_PARENT: &str = "traceparent";
    pub(super) const VERSION: &str = "ensueversion";
    pub(super) const HOPS: &str = "ensuehops";
    pub(super) const HEADERS: &str = "ensueheaders";
    pub(super) const CONTENT_TYPE: &str = "datacontenttype";
    pub(super) const DATA: &str = "data";
    pub(super) const DATA_BASE64: &str = "data_base64";

    pub(super) const TAKEN: [&str; 17] = [
        SPEC_VERSION,
        ID,
        SOURCE,
        TYPE,
        TIME,
        PARTITION_KEY,
        SEQUENCE,
        RECORDED_TIME,
        CORRELATION_ID,
        CAUSATION_ID,
        TRACE_PARENT,
        VERSION,
        HOPS,
        HEADERS,
        CONTENT_TYPE,
        DATA,
        DATA_BASE64,
    ];
}

/// Whether a content type says that the data is JSON.
fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let (_, subtype) = media_type.split_once('/').unwrap_or_default();
    let subtype = subtype.to_ascii_lowercase();
    subtype == "json" || subtype.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ensue_core::{CorrelationId, Entry, Envelope, EventId, Position};
    use proptest::prelude::*;

    use super::*;
    use crate::listener::Message;

    pub(super) fn entry(payload: &[u8]) -> Entry {
        let id: EventId = "018bcfe5-687b-7000-8000-0000000000ff".parse().unwrap();
        let envelope = Envelope {
            id,
            event_type: "order.placed".into(),
            version: 1,
            key: Some("A-1".into()),
            content_type: "application/json".into(),
            payload: payload.to_vec(),
            occurred_at: Timestamp::from_micros(1_700_000_000_123_456),
            correlation_id: CorrelationId::new("request 7"),
            causation_id: None,
            hops: 0,
            trace_context: None,
            headers: BTreeMap::new(),
        };
        let recorded_at = Timestamp::from_micros(1_700_000_000_200_000);
        Entry { position: Position::new(42), recorded_at, envelope }
    }

    pub(super) fn full_entry() -> Entry {
        let mut entry = entry(b"\xff\x00");
        let headers = [
            ("tenant", "acme"),
            ("subject", "another"),
            ("id", "taken"),
            ("No-Name", "of an attribute"),
            ("lines", "two\nlines"),
            ("empty", ""),
            ("tracestate", "a=1"),
        ];
        entry.envelope = Envelope {
            version: 3,
            content_type: "application/octet-stream".into(),
            causation_id: Some(entry.envelope.id.next()),
            hops: 9,
            trace_context: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
            headers: headers.map(|(name, value)| (name.into(), value.into())).into(),
            ..entry.envelope
        };
        entry
    }

    /// There by headers of some prefix, and back.
    fn by_headers(entry: &Entry, prefix: &str) -> Message {
        let event = CloudEvent::of(entry, "/shop");
        let headers: Vec<_> = event
            .attributes()
            .map(|(name, value)| (format!("{prefix}{name}"), value.to_owned()))
            .collect();
        let headers = headers.iter().map(|(name, value)| (&**name, &**value));
        read(headers, event.content_type(), event.data())
    }

    fn by_json(entry: &Entry) -> Message {
        read([], Some(STRUCTURED), &CloudEvent::of(entry, "/shop").to_json())
    }

    fn read<'h>(
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Message {
        let event = CloudEvent::read(headers, content_type, body).unwrap();
        event.into_message(Timestamp::from_micros(0)).unwrap()
    }

    fn assert_comes_back(message: &Message, entry: &Entry) {
        assert_eq!(message.source, "/shop");
        assert_eq!(message.id, entry.envelope.id.to_string());
        assert_eq!(message.sequence, Some(entry.position.get()));
        assert_eq!(message.envelope, entry.envelope);
    }

    #[test]
    fn an_entry_comes_back_from_the_headers_of_any_transport() {
        for prefix in ["cloudEvents_", "cloudEvents:", "ce-", "ce_", "Ce-"] {
            assert_comes_back(&by_headers(&full_entry(), prefix), &full_entry());
            assert_comes_back(&by_headers(&entry(b"{}"), prefix), &entry(b"{}"));
        }
    }

    #[test]
    fn a_header_that_is_called_subject_is_no_key() {
        let mut entry = full_entry();
        entry.envelope.key = None;
        assert_comes_back(&by_headers(&entry, "ce-"), &entry);
        assert_comes_back(&by_json(&entry), &entry);
    }

    #[test]
    fn an_entry_comes_back_from_structured_json() {
        assert_comes_back(&by_json(&full_entry()), &full_entry());
    }

    #[test]
    fn a_payload_comes_back_byte_for_byte() {
        let json = [
            &b""[..],
            b"{}",
            b" { \"b\" : 1.0, \"a\":2,\"a\":3 } \n",
            b"{ \"b\" : 1.0, \"a\":2,\"a\":3 }",
            b"1e400",
            b"0123",
            b"null",
            b"\"text\"",
            b"a\0b",
            b"\xff\xfe",
        ];
        for payload in json {
            for content_type in ["application/json", "application/problem+json", "text/plain"] {
                let mut entry = entry(payload);
                entry.envelope.content_type = content_type.into();
                assert_comes_back(&by_json(&entry), &entry);
                assert_comes_back(&by_headers(&entry, "ce_"), &entry);
            }
        }
    }

    #[test]
    fn json_is_told_by_its_media_type() {
        for json in ["application/json", "TEXT/JSON; charset=utf-8", "application/a.b+json"] {
            assert!(is_json(json), "{json}");
        }
        for other in ["application/jsonl", "json", "text/plain; a=+json", ""] {
            assert!(!is_json(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_in_an_entry_comes_back_by_either_mode(
            payload in prop::collection::vec(any::<u8>(), 0..64),
            key in prop::option::of(".{1,8}"),
            headers in prop::collection::btree_map(".{0,24}", ".{0,8}", 0..4),
            version in any::<u32>(),
            micros in 0_i64..4_000_000_000_000_000,
        ) {
            let mut entry = entry(&payload);
            entry.envelope = Envelope {
                key,
                headers,
                version,
                occurred_at: Timestamp::from_micros(micros),
                ..entry.envelope
            };
            assert_comes_back(&by_json(&entry), &entry);
            assert_comes_back(&by_headers(&entry, "cloudEvents_"), &entry);
        }
    }
}
