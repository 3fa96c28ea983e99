//! An entry as a CloudEvent.

use std::borrow::Cow;

use ensue_core::{Entry, Envelope};

use super::{CloudEvent, SPEC_VERSION, json, names, time};

impl<'a> CloudEvent<'a> {
    /// `entry`, of the application `source`: a URI or its path, such as `/shop/orders`.
    pub fn of(entry: &'a Entry, source: &'a str) -> Self {
        let Entry { position, recorded_at, envelope } = entry;
        let mut attributes = Attributes(Vec::with_capacity(ATTRIBUTES));
        attributes.add(names::SPEC_VERSION, SPEC_VERSION);
        attributes.add(names::ID, envelope.id.to_string());
        attributes.add(names::SOURCE, source);
        attributes.add(names::TYPE, &*envelope.event_type);
        attributes.add(names::TIME, time::written(envelope.occurred_at));
        attributes.add(names::RECORDED_TIME, time::written(*recorded_at));
        attributes.add(names::SEQUENCE, format!("{:020}", position.get()));
        attributes.add_what_it_belongs_to(envelope);
        attributes.add_headers(envelope);
        Self {
            attributes: attributes.0,
            content_type: Some(Cow::Borrowed(&envelope.content_type)),
            data: Cow::Borrowed(&envelope.payload),
        }
    }
}

struct Attributes<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Attributes<'a> {
    fn add(&mut self, name: &'a str, value: impl Into<Cow<'a, str>>) {
        self.0.push((Cow::Borrowed(name), value.into()));
    }

    fn add_what_it_belongs_to(&mut self, envelope: &'a Envelope) {
        self.add(names::CORRELATION_ID, envelope.correlation_id.as_str());
        if let Some(key) = &envelope.key {
            self.add(names::PARTITION_KEY, key);
            if !envelope.headers.contains_key(names::SUBJECT) {
                self.add(names::SUBJECT, key);
            }
        }
        if let Some(cause) = envelope.causation_id {
            self.add(names::CAUSATION_ID, cause.to_string());
        }
        if let Some(trace_context) = &envelope.trace_context {
            self.add(names::TRACE_PARENT, trace_context);
        }
        if envelope.version != 1 {
            self.add(names::VERSION, envelope.version.to_string());
        }
        if envelope.hops != 0 {
            self.add(names::HOPS, envelope.hops.to_string());
        }
    }

    /// Without a partition key, a subject would be read as the key.
    fn add_headers(&mut self, Envelope { headers, key, .. }: &'a Envelope) {
        let is_plain = |name: &str, value: &str| {
            is_attribute(name, value) && (name != names::SUBJECT || key.is_some())
        };
        let (plain, others): (Vec<_>, Vec<_>) =
            headers.iter().partition(|(name, value)| is_plain(name, value));
        for (name, value) in plain {
            self.add(name, value);
        }
        if !others.is_empty() {
            self.add(names::HEADERS, json::object(others));
        }
    }
}

/// Whether a header can be an attribute.
fn is_attribute(name: &str, value: &str) -> bool {
    let has_a_name = (1..=NAME_MAX).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9'))
        && !names::TAKEN.contains(&name);
    has_a_name && !value.is_empty() && !value.chars().any(char::is_control)
}

/// LIMIT: characters, as CloudEvents recommends.
const NAME_MAX: usize = 20;

/// All of ours, and a few headers.
const ATTRIBUTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::super::tests::{entry, full_entry};
    use super::*;

    #[test]
    fn an_entry_has_the_attributes_that_the_standard_names() {
        let entry = entry(b"{}");
        let event = CloudEvent::of(&entry, "/shop");
        for (name, value) in [
            ("specversion", "1.0"),
            ("id", "018bcfe5-687b-7000-8000-0000000000ff"),
            ("source", "/shop"),
            ("type", "order.placed"),
            ("time", "2023-11-14T22:13:20.123456Z"),
            ("recordedtime", "2023-11-14T22:13:20.200000Z"),
            ("sequence", "00000000000000000042"),
            ("subject", "A-1"),
            ("partitionkey", "A-1"),
            ("correlationid", "request 7"),
        ] {
            assert_eq!(event.attribute(name), Some(value), "{name}");
        }
        assert_eq!(event.attributes().count(), 10);
        assert_eq!((event.content_type(), event.data()), (Some("application/json"), &b"{}"[..]));
    }

    #[test]
    fn a_header_that_cannot_be_an_attribute_travels_with_the_others_of_its_kind() {
        let entry = full_entry();
        let event = CloudEvent::of(&entry, "/shop");
        assert_eq!(event.attribute("tenant"), Some("acme"));
        assert_eq!(event.attribute("subject"), Some("another"));
        let others =
            r#"{"No-Name":"of an attribute","empty":"","id":"taken","lines":"two\nlines"}"#;
        assert_eq!(event.attribute("ensueheaders"), Some(others));
    }

    #[test]
    fn no_attribute_is_there_twice() {
        let entry = full_entry();
        let event = CloudEvent::of(&entry, "/shop");
        let mut names: Vec<_> = event.attributes().map(|(name, _)| name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
