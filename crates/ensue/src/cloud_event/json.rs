//! The structured mode: the event as one JSON object
//! ([JSON Event Format](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md)).

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::{CloudEvent, NoEvent, base64, is_json, names};

impl CloudEvent<'_> {
    /// The event in the structured mode.
    pub fn to_json(&self) -> Vec<u8> {
        let content_type = self.content_type.iter().map(|value| (names::CONTENT_TYPE, &**value));
        let mut json = String::with_capacity(MEMBERS + self.data.len());
        for (name, value) in self.attributes().chain(content_type) {
            member(&mut json, name, &quoted(value));
        }
        if !self.data.is_empty() {
            let (name, value) = self.data_member();
            member(&mut json, name, &value);
        }
        json.push('}');
        json.into_bytes()
    }

    fn data_member(&self) -> (&'static str, Cow<'_, str>) {
        let Ok(text) = std::str::from_utf8(&self.data) else { return in_base64(&self.data) };
        if !is_json(self.content_type.as_deref().unwrap_or(MISSING)) {
            return (names::DATA, quoted(text).into());
        }
        match serde_json::from_str::<&RawValue>(text) {
            // Space around it would not come back.
            Ok(raw) if raw.get() == text => (names::DATA, text.into()),
            _ => in_base64(&self.data),
        }
    }
}

impl CloudEvent<'_> {
    pub(super) fn from_json(body: &[u8]) -> Result<Self, NoEvent> {
        let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(body)
            .map_err(|error| NoEvent(format!("it is no JSON object: {error}")))?;
        let content_type = match members.remove(names::CONTENT_TYPE) {
            Some(value) => attribute(names::CONTENT_TYPE, &value)?,
            None => None,
        };
        let content_type = content_type.unwrap_or(MISSING.into());
        let data = data(&content_type, &mut members)?;
        let mut attributes = Vec::with_capacity(members.len());
        for (name, value) in members {
            if let Some(value) = attribute(&name, &value)? {
                attributes.push((name.into(), value.into()));
            }
        }
        let (content_type, data) = (Some(content_type.into()), data.into());
        Ok(Self { attributes, content_type, data })
    }
}

/// Treats `null` as absent. Keeps a number as it is written: parsing it as an `f64` could change it.
fn attribute(name: &str, value: &RawValue) -> Result<Option<String>, NoEvent> {
    let refused = || NoEvent(format!("the attribute `{name}` is neither text nor a number"));
    match value.get().as_bytes() {
        [b'"', ..] => serde_json::from_str(value.get()).map(Some).map_err(|_| refused()),
        [b'{' | b'[', ..] => Err(refused()),
        b"null" => Ok(None),
        _ => Ok(Some(value.get().to_owned())),
    }
}

fn data(
    content_type: &str,
    members: &mut BTreeMap<String, Box<RawValue>>,
) -> Result<Vec<u8>, NoEvent> {
    if let Some(encoded) = members.remove(names::DATA_BASE64) {
        let bytes =
            serde_json::from_str(encoded.get()).ok().and_then(|text: String| base64::read(&text));
        return bytes.ok_or_else(|| NoEvent("`data_base64` is not in base64".into()));
    }
    let Some(data) = members.remove(names::DATA) else { return Ok(Vec::new()) };
    let text = match is_json(content_type) {
        true => None,
        false => serde_json::from_str::<String>(data.get()).ok(),
    };
    Ok(text.unwrap_or_else(|| data.get().to_owned()).into_bytes())
}

/// An object of texts.
pub(super) fn object<'a>(members: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let mut json = String::new();
    for (name, value) in members {
        member(&mut json, name, &quoted(value));
    }
    json.push('}');
    json
}

fn member(json: &mut String, name: &str, value: &str) {
    json.push(if json.is_empty() { '{' } else { ',' });
    json.push_str(&quoted(name));
    json.push(':');
    json.push_str(value);
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn in_base64(data: &[u8]) -> (&'static str, Cow<'static, str>) {
    (names::DATA_BASE64, format!("\"{}\"", base64::written(data)).into())
}

/// The content type of an event that has none, in this mode.
const MISSING: &str = "application/json";

/// About what the members of an event are long without its data.
const MEMBERS: usize = 512;

#[cfg(test)]
mod tests {
    use super::super::tests::entry;
    use super::*;

    #[test]
    fn json_stands_in_json_as_it_is() {
        let entry = entry(b"{\"amount\": 900}");
        let json = String::from_utf8(CloudEvent::of(&entry, "/shop").to_json()).unwrap();
        assert!(json.starts_with(r#"{"specversion":"1.0","id":"018bcfe5-"#), "{json}");
        assert!(json.ends_with(r#""datacontenttype":"application/json","data":{"amount": 900}}"#));
    }

    #[test]
    fn text_is_a_string_and_everything_else_in_base64() {
        let data = |content_type: &'static str, payload| {
            let mut entry = entry(payload);
            entry.envelope.content_type = content_type.into();
            let json = CloudEvent::of(&entry, "/shop").to_json();
            let json: Value = serde_json::from_slice(&json).unwrap();
            (json.get("data").cloned(), json.get("data_base64").cloned())
        };
        assert_eq!(data("text/plain", b"{}"), (Some("{}".into()), None));
        assert_eq!(data("application/json", b"{"), (None, Some("ew==".into())));
        assert_eq!(data("text/plain", b"\xff"), (None, Some("/w==".into())));
        assert_eq!(data("text/plain", b""), (None, None));
    }

    #[test]
    fn what_others_write_differently_is_read() {
        let body = br#"{"specversion":"1.0","id":"7","n":1,"b":true,"nothing":null,
                        "data":{"a":1},"datacontenttype":"application/xml"}"#;
        let event = CloudEvent::from_json(body).unwrap();
        assert_eq!((event.attribute("n"), event.attribute("b")), (Some("1"), Some("true")));
        assert_eq!(event.attribute("nothing"), None);
        let numbers = br#"{"large":36893488147419103233,"exact":1.10,"huge":1e400}"#;
        let precise = CloudEvent::from_json(numbers).unwrap();
        let numbers = ["large", "exact", "huge"].map(|name| precise.attribute(name));
        assert_eq!(numbers, ["36893488147419103233", "1.10", "1e400"].map(Some));
        assert_eq!(event.data(), br#"{"a":1}"#);
        let bare = CloudEvent::from_json(b"{\"data\":\"text\"}").unwrap();
        assert_eq!((bare.content_type(), bare.data()), (Some(MISSING), &b"\"text\""[..]));
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let why = |body: &[u8]| CloudEvent::from_json(body).unwrap_err().to_string();
        assert!(why(b"[]").contains("no JSON object"));
        assert!(why(b"{\"a\":{}}").contains("`a` is neither"));
        assert!(why(b"{\"a\":\"\\ud800\"}").contains("`a` is neither"));
        assert!(why(b"{\"data_base64\":\"*\"}").contains("base64"));
    }
}
