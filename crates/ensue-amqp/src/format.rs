//! Events as AMQP's messages.

use ensue::cloud_event::{CloudEvent, STRUCTURED, rfc_3339};
use ensue::listener::{Message, Unreadable};
use ensue::{Entry, Timestamp};
use lapin::message::Delivery;
use lapin::protocol::basic::AMQPProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// The attributes are headers.
    Binary { prefix: &'static str },
    /// Everything is in the body.
    Structured,
}

/// What is published.
pub(crate) struct Published {
    pub(crate) properties: AMQPProperties,
    pub(crate) body: Vec<u8>,
    /// About how long the properties are on the wire.
    pub(crate) head_bytes: usize,
}

impl Format {
    /// As in the binding for AMQP 1.0, to which RabbitMQ converts headers; there is none for 0-9-1.
    pub(crate) const AMQP: Self = Self::Binary { prefix: "cloudEvents_" };

    /// As in the binding that Knative has made for RabbitMQ.
    pub(crate) const KNATIVE: Self = Self::Binary { prefix: "ce-" };

    pub(crate) fn write(self, entry: &Entry, source: &str) -> Published {
        let event = CloudEvent::of(entry, source);
        let properties = native(entry, source);
        match self {
            Self::Binary { prefix } => {
                let (mut headers, head_bytes) = headers(&event, prefix);
                let trace_bytes = add_trace(&mut headers, entry);
                let head_bytes = head_bytes + trace_bytes;
                let properties = with_content_type(properties, event.content_type());
                let properties = properties.with_headers(headers);
                Published { properties, body: entry.envelope.payload.clone(), head_bytes }
            }
            Self::Structured => {
                let mut headers = FieldTable::default();
                let head_bytes = add_trace(&mut headers, entry);
                let properties = with_content_type(properties, Some(STRUCTURED));
                let properties = properties.with_headers(headers);
                Published { properties, body: event.to_json(), head_bytes }
            }
        }
    }
}

/// AMQP's own properties. What has no room in one is left out: it is among the attributes too.
fn native(entry: &Entry, source: &str) -> AMQPProperties {
    let envelope = &entry.envelope;
    let seconds = u64::try_from(envelope.occurred_at.as_millis().div_euclid(1_000));
    let mut properties = AMQPProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_timestamp(seconds.unwrap_or_default());
    if let Ok(id) = ShortString::try_new(envelope.id.to_string()) {
        properties = properties.with_message_id(id);
    }
    if let Ok(event_type) = ShortString::try_new(&*envelope.event_type) {
        properties = properties.with_type(event_type);
    }
    if let Ok(source) = ShortString::try_new(source) {
        properties = properties.with_app_id(source);
    }
    match ShortString::try_new(envelope.correlation_id.as_str()) {
        Ok(correlation_id) => properties.with_correlation_id(correlation_id),
        Err(_) => properties,
    }
}

fn with_content_type(properties: AMQPProperties, content_type: Option<&str>) -> AMQPProperties {
    match content_type.and_then(|content_type| ShortString::try_new(content_type).ok()) {
        Some(content_type) => properties.with_content_type(content_type),
        None => properties,
    }
}

fn headers(event: &CloudEvent<'_>, prefix: &str) -> (FieldTable, usize) {
    let mut headers = FieldTable::default();
    let mut bytes = 0;
    for (name, value) in event.attributes() {
        // Attributes' names are short.
        let Ok(name) = ShortString::try_new([prefix, name].concat()) else { continue };
        bytes += name.as_str().len() + value.len() + OF_A_FIELD;
        headers.insert(name, AMQPValue::LongString(LongString::from(value)));
    }
    (headers, bytes)
}

/// Beside the attribute also as those expect it who know of traces and not of CloudEvents.
fn add_trace(headers: &mut FieldTable, entry: &Entry) -> usize {
    let Some(trace) = &entry.envelope.trace_context else { return 0 };
    headers.insert(TRACE.into(), AMQPValue::LongString(LongString::from(trace.as_str())));
    TRACE.len() + trace.len() + OF_A_FIELD
}

/// [W3C Trace Context](https://www.w3.org/TR/trace-context-amqp/) has the same name for AMQP as for HTTP.
const TRACE: &str = "traceparent";

/// The event that was delivered.
pub(crate) fn read(delivery: &Delivery, received_at: Timestamp) -> Result<Message, Unreadable> {
    let properties = &delivery.properties;
    let headers: Vec<_> = properties.headers().iter().flatten().filter_map(header).collect();
    let as_text = headers.iter().map(|(name, value)| (*name, &**value));
    let content_type = properties.content_type().as_ref().map(ShortString::as_str);
    let event = CloudEvent::read(as_text, content_type, &delivery.data);
    let message = event.and_then(|event| event.into_message(received_at));
    let trace = || headers.iter().find(|(name, _)| *name == TRACE).map(|(_, trace)| trace.clone());
    let traced = |mut message: Message| {
        message.envelope.trace_context = message.envelope.trace_context.or_else(trace);
        message
    };
    message.map(traced).map_err(|error| {
        let mut unreadable = Unreadable::new(error.to_string(), &*delivery.data);
        unreadable.content_type = content_type.map(str::to_owned);
        unreadable.id = properties.message_id().as_ref().map(ToString::to_string);
        unreadable.with_headers(all_of_sender(delivery))
    })
}

/// Headers, in whatever type, and AMQP's own properties that are no headers: what somebody needs who has to
/// find out what it is.
fn all_of_sender(delivery: &Delivery) -> Vec<(String, String)> {
    let properties = &delivery.properties;
    let own = [
        ("type", properties.kind()),
        ("content_encoding", properties.content_encoding()),
        ("correlation_id", properties.correlation_id()),
        ("reply_to", properties.reply_to()),
        ("user_id", properties.user_id()),
        ("app_id", properties.app_id()),
    ];
    let own = own.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?.to_string())));
    let routing_key = ("routing_key", delivery.routing_key.to_string());
    let own = own.chain([routing_key]).map(|(name, value)| (format!("amqp:{name}"), value));
    let headers =
        properties.headers().iter().flatten().filter(|(name, _)| !is_of_broker(name.as_str()));
    let headers = headers.map(|(name, value)| {
        let text = header((name, value)).map_or_else(|| format!("{value:?}"), |(_, text)| text);
        (name.to_string(), text)
    });
    own.chain(headers).collect()
}

/// What it writes there differs from delivery to delivery.
fn is_of_broker(header: &str) -> bool {
    OF_BROKER.iter().any(|prefix| header.starts_with(prefix))
}

const OF_BROKER: [&str; 5] =
    ["x-delivery-count", "x-acquired-count", "x-death", "x-first-death-", "x-last-death-"];

/// Others may send numbers where we send text, and times as AMQP has them: 1.0 as milliseconds, 0-9-1 as
/// seconds.
fn header<'a>((name, value): (&'a ShortString, &AMQPValue)) -> Option<(&'a str, String)> {
    let value = match value {
        AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok()?,
        AMQPValue::ShortString(text) => text.to_string(),
        AMQPValue::Boolean(value) => value.to_string(),
        AMQPValue::ShortShortInt(value) => value.to_string(),
        AMQPValue::ShortShortUInt(value) => value.to_string(),
        AMQPValue::ShortInt(value) => value.to_string(),
        AMQPValue::ShortUInt(value) => value.to_string(),
        AMQPValue::LongInt(value) => value.to_string(),
        AMQPValue::LongUInt(value) => value.to_string(),
        AMQPValue::LongLongInt(millis) if name.as_str().ends_with(TIME) => text(*millis, 1_000),
        AMQPValue::LongLongInt(value) => value.to_string(),
        AMQPValue::Timestamp(seconds) => text(i64::try_from(*seconds).ok()?, 1_000_000),
        _ => return None,
    };
    Some((name.as_str(), value))
}

fn text(time: i64, micros: i64) -> String {
    rfc_3339(Timestamp::from_micros(time.saturating_mul(micros)))
}

/// How the names of attributes end that are times.
const TIME: &str = "time";

/// On disk before it is confirmed.
const PERSISTENT: u8 = 2;

/// Bytes of a header beside its name and value: their lengths, and a type.
const OF_A_FIELD: usize = 6;
