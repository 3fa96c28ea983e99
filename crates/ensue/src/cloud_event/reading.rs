//! A CloudEvent from whatever a transport has brought, and the message that it is.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ensue_core::{CorrelationId, Envelope, EventId, Timestamp};

use super::{CloudEvent, NoEvent, SPEC_VERSION, names, time};
use crate::listener::Message;

impl<'a> CloudEvent<'a> {
    /// What a message with these headers, this content type and this body is; of its headers those that
    /// are attributes count, whatever transport they are written for.
    ///
    /// # Errors
    /// When it is no CloudEvent, or one that is not read here: of another version, or several at once.
    pub fn read<'h>(
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
        content_type: Option<&str>,
        body: &'a [u8],
    ) -> Result<Self, NoEvent> {
        let event = match content_type.map(str::to_ascii_lowercase) {
            Some(mode) if mode.starts_with("application/cloudevents") => {
                Self::structured(&mode, body)
            }
            _ => Ok(Self::binary(headers, content_type, body)),
        }?;
        match event.attribute(names::SPEC_VERSION) {
            Some(SPEC_VERSION) => Ok(event),
            Some(other) => Err(NoEvent(format!("it is a CloudEvent of the version `{other}`"))),
            None => Err(NoEvent("it is no CloudEvent: it has no `specversion`".into())),
        }
    }

    fn structured(mode: &str, body: &[u8]) -> Result<Self, NoEvent> {
        match mode.split(';').next().map(str::trim) {
            Some("application/cloudevents+json") => Self::from_json(body),
            _ => Err(NoEvent(format!("CloudEvents as `{mode}` are not read"))),
        }
    }

    fn binary<'h>(
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
        content_type: Option<&str>,
        body: &'a [u8],
    ) -> Self {
        let attributes = headers.into_iter().filter_map(|(name, value)| {
            let name = attribute(name)?.to_ascii_lowercase();
            Some((Cow::Owned(name), Cow::Owned(value.to_owned())))
        });
        let mut attributes = Attributes(attributes.collect());
        // NATS has it beside the others.
        let named = attributes.take(names::CONTENT_TYPE).map(Cow::Owned);
        let content_type = content_type.map(|named| Cow::Owned(named.to_owned())).or(named);
        Self { attributes: attributes.0, content_type, data: Cow::Borrowed(body) }
    }

    /// The message that it is, which arrived at `received_at`: when it happened, if it does not say.
    ///
    /// # Errors
    /// When it has no `id`, `source` or `type`, or an attribute of another form than the standard's.
    pub fn into_message(self, received_at: Timestamp) -> Result<Message, NoEvent> {
        let mut attributes = Attributes(self.attributes);
        let id = attributes.take_required(names::ID)?;
        let source = attributes.take_required(names::SOURCE)?;
        let sequence = attributes.take_sequence();
        let content_type = self.content_type.unwrap_or(Cow::Borrowed(OPAQUE)).into_owned();
        let payload = self.data.into_owned();
        let envelope =
            attributes.into_envelope(&source, &id, content_type, payload, received_at)?;
        Ok(Message { source, id, sequence, envelope })
    }
}

/// An attribute's name in a header's; the separator is `_` or `:` in AMQP, `-` in HTTP and NATS and `_`
/// in Kafka.
fn attribute(header: &str) -> Option<&str> {
    let is_prefix = |prefix: &&str| {
        header.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    PREFIXES.iter().find(|prefix| is_prefix(prefix)).map(|prefix| &header[prefix.len()..])
}

const PREFIXES: [&str; 4] = ["cloudEvents_", "cloudEvents:", "ce-", "ce_"];

/// What data is of which nothing is said.
const OPAQUE: &str = "application/octet-stream";

struct Attributes<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Attributes<'_> {
    fn take(&mut self, name: &str) -> Option<String> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(index).1.into_owned())
    }

    fn take_required(&mut self, name: &str) -> Result<String, NoEvent> {
        let value = self.take_given(name);
        value.ok_or_else(|| NoEvent(format!("it is no CloudEvent: it has no `{name}`")))
    }

    /// Takes an attribute; the standard does not allow one without a value.
    fn take_given(&mut self, name: &str) -> Option<String> {
        self.take(name).filter(|value| !value.is_empty())
    }

    /// One that is no number stays a header.
    fn take_sequence(&mut self) -> Option<u64> {
        let (_, value) = self.0.iter().find(|(name, _)| name == names::SEQUENCE)?;
        let sequence = value.parse().ok()?;
        self.take(names::SEQUENCE);
        Some(sequence)
    }

    fn take_number(&mut self, name: &str, missing: u32) -> Result<u32, NoEvent> {
        let Some(value) = self.take(name) else { return Ok(missing) };
        value.parse().map_err(|_| NoEvent(format!("`{name}` is no number: `{value}`")))
    }

    fn take_time(&mut self) -> Result<Option<Timestamp>, NoEvent> {
        let Some(value) = self.take(names::TIME) else { return Ok(None) };
        let time = time::read(&value);
        time.map(Some).ok_or_else(|| NoEvent(format!("`time` is none of RFC 3339: `{value}`")))
    }

    fn into_envelope(
        mut self,
        source: &str,
        id: &str,
        content_type: String,
        payload: Vec<u8>,
        received_at: Timestamp,
    ) -> Result<Envelope, NoEvent> {
        let event_id = event_id(source, id);
        let correlation_id = self.take_given(names::CORRELATION_ID).map(CorrelationId::new);
        let cause = self.take(names::CAUSATION_ID);
        Ok(Envelope {
            id: event_id,
            event_type: self.take_required(names::TYPE)?.into(),
            version: self.take_number(names::VERSION, 1)?,
            key: self.take_key(),
            content_type: content_type.into(),
            payload,
            occurred_at: self.take_time()?.unwrap_or(received_at),
            correlation_id: correlation_id.unwrap_or_else(|| event_id.into()),
            causation_id: cause.map(|cause| self::event_id(source, &cause)),
            hops: self.take_number(names::HOPS, 0)?,
            trace_context: self.take_given(names::TRACE_PARENT),
            headers: self.into_headers()?,
        })
    }

    /// A subject that says nothing else is not kept beside the key.
    fn take_key(&mut self) -> Option<String> {
        let key = self.take_given(names::PARTITION_KEY);
        let subject =
            self.0.iter().find(|(name, _)| name == names::SUBJECT).map(|(_, value)| value);
        match (key, subject) {
            (Some(key), Some(subject)) if key != *subject => Some(key),
            (Some(key), None) => Some(key),
            _ => self.take_given(names::SUBJECT),
        }
    }

    fn into_headers(mut self) -> Result<BTreeMap<String, String>, NoEvent> {
        self.take(names::SPEC_VERSION);
        self.take(names::RECORDED_TIME);
        let mut headers = match self.take(names::HEADERS) {
            Some(others) => serde_json::from_str(&others)
                .map_err(|error| NoEvent(format!("`ensueheaders`: {error}")))?,
            None => BTreeMap::new(),
        };
        headers.extend(
            self.0.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())),
        );
        Ok(headers)
    }
}

/// The id itself if it is a UUID, and otherwise one that is named by what recognises the event.
fn event_id(source: &str, id: &str) -> EventId {
    id.parse().unwrap_or_else(|_| EventId::among_all(source, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: [(&str, &str); 4] =
        [("ce-specversion", "1.0"), ("ce-id", "7"), ("ce-source", "/till"), ("ce-type", "sold")];

    fn message(more: &[(&'static str, &'static str)]) -> Result<Message, NoEvent> {
        let headers = LEAST.iter().chain(more).copied();
        CloudEvent::read(headers, None, b"3")?.into_message(Timestamp::from_micros(99))
    }

    #[test]
    fn an_event_of_another_kind_of_program_is_read_with_what_it_has() {
        let message = message(&[("ce-region", "eu"), ("x-other", "is none of ours")]).unwrap();
        let Message { source, id, sequence, envelope } = message;
        assert_eq!((&*source, &*id, sequence), ("/till", "7", None));
        assert_eq!((&*envelope.event_type, envelope.version, envelope.key), ("sold", 1, None));
        assert_eq!((&*envelope.content_type, &*envelope.payload), (OPAQUE, &b"3"[..]));
        assert_eq!(envelope.occurred_at, Timestamp::from_micros(99));
        assert_eq!(envelope.correlation_id, envelope.id.into());
        assert_eq!(envelope.headers, BTreeMap::from([("region".into(), "eu".into())]));
    }

    #[test]
    fn an_id_that_is_no_uuid_makes_the_same_one_every_time() {
        let [first, again] =
            [message(&[]), message(&[])].map(|message| message.unwrap().envelope.id);
        assert_eq!(first, again);
        assert_eq!(first.as_uuid().get_version_num(), 5);
        assert_ne!(first, event_id("/till", "8"));
        let uuid = "018bcfe5-687b-7000-8000-0000000000ff";
        assert_eq!(event_id("/till", uuid).to_string(), uuid);
    }

    #[test]
    fn the_subject_is_the_key_where_there_is_no_other() {
        let key = |more| message(more).unwrap().envelope.key;
        assert_eq!(key(&[("ce-subject", "A-1")]).as_deref(), Some("A-1"));
        let both = message(&[("ce-subject", "A-1"), ("ce-partitionkey", "B")]).unwrap().envelope;
        assert_eq!((both.key.as_deref(), both.headers["subject"].as_str()), (Some("B"), "A-1"));
    }

    #[test]
    fn a_sequence_that_is_no_number_is_a_header() {
        let message = message(&[("ce-sequence", "a7")]).unwrap();
        assert_eq!((message.sequence, &*message.envelope.headers["sequence"]), (None, "a7"));
    }

    #[test]
    fn what_is_no_event_says_why() {
        let why = |headers: &[(&'static str, &'static str)], content_type| {
            let read = CloudEvent::read(headers.iter().copied(), content_type, b"[]");
            let message = read.and_then(|event| event.into_message(Timestamp::from_micros(0)));
            message.unwrap_err().to_string()
        };
        assert!(why(&[], None).contains("no `specversion`"));
        assert!(why(&LEAST[..3], None).contains("no `type`"));
        assert!(why(&[("ce_specversion", "0.3")], None).contains("version `0.3`"));
        assert!(why(&[], Some("application/cloudevents-batch+json")).contains("not read"));
        assert!(why(&[], Some("Application/CloudEvents+json; charset=utf-8")).contains("JSON"));
        let with = |name, value| why(&[&LEAST[..], &[(name, value)]].concat(), None);
        assert!(with("ce-time", "yesterday").contains("RFC 3339"));
        assert!(with("ce-ensuehops", "-1").contains("no number"));
    }
}
