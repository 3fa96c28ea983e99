//! A message that could not be handled, as columns.

use std::collections::BTreeMap;

use ensue_core::{CorrelationId, Envelope, Timestamp};
use serde::{Deserialize, Serialize};

use super::failure;
use crate::listener::{Message, Unreadable};
use crate::store::Cut;
use crate::{BoxError, DeadLetter};

/// A [`DeadLetter`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadLetterColumns {
    /// A UUID.
    pub id: String,
    /// What there is to the message but its body: a JSON object, in which any text has a form.
    pub message: String,
    /// The payload, or the whole of what is no event.
    pub body: Vec<u8>,
    /// The [name](crate::subscription::FailureClass::name) of how the last attempt failed,
    pub failure_class: String,
    /// and in whose words.
    pub failure_message: String,
    /// How many have.
    pub attempts: i64,
    /// When it became one.
    pub died_at_us: i64,
}

/// The stored parts of a letter apart from its body and its failure.
#[derive(Serialize, Deserialize)]
struct KeptLetter {
    #[serde(flatten)]
    kept: Kept,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut: Option<KeptCut>,
}

#[derive(Serialize, Deserialize)]
struct KeptCut {
    length: u64,
    sha256: String,
}

/// A message without its body; names are those of the log's columns.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kept {
    Event(KeptEvent),
    Unreadable(KeptUnreadable),
}

#[derive(Serialize, Deserialize)]
struct KeptEvent {
    source: String,
    id: String,
    sequence: Option<u64>,
    event_id: String,
    r#type: String,
    version: u32,
    key: Option<String>,
    content_type: String,
    occurred_at_us: i64,
    correlation_id: String,
    causation_id: Option<String>,
    hops: u32,
    trace_context: Option<String>,
    headers: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct KeptUnreadable {
    why: String,
    id: Option<String>,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
}

impl From<&DeadLetter> for DeadLetterColumns {
    fn from(letter: &DeadLetter) -> Self {
        let (kept, body) = match &letter.message {
            Ok(message) => (Kept::Event(message.into()), &message.envelope.payload),
            Err(unreadable) => (Kept::Unreadable(unreadable.into()), &unreadable.body),
        };
        let cut = letter.cut.clone().map(|Cut { length, sha256 }| KeptCut { length, sha256 });
        Self {
            id: letter.id.to_string(),
            // Text, numbers, and maps of text always have a JSON form.
            message: serde_json::to_string(&KeptLetter { kept, cut }).unwrap_or_default(),
            body: body.clone(),
            failure_class: letter.failure.class.name().to_owned(),
            failure_message: letter.failure.message.clone(),
            attempts: letter.attempts.into(),
            died_at_us: letter.died_at.as_micros(),
        }
    }
}

impl DeadLetterColumns {
    /// Reads the dead letter. A message in an unknown format counts as unreadable.
    ///
    /// # Errors
    /// If it has no valid id; it could not be taken out.
    pub fn read(self) -> Result<DeadLetter, BoxError> {
        let (message, cut) = read_message(&self.message, self.body);
        Ok(DeadLetter {
            id: self.id.parse()?,
            message,
            cut,
            failure: failure(&self.failure_class, self.failure_message),
            attempts: self.attempts.max(0).try_into().unwrap_or(u32::MAX),
            died_at: Timestamp::from_micros(self.died_at_us),
        })
    }
}

fn read_message(stored: &str, body: Vec<u8>) -> (Result<Message, Unreadable>, Option<Cut>) {
    let (event, cut) = match serde_json::from_str(stored) {
        Ok(KeptLetter { kept, cut }) => {
            let cut = cut.map(|KeptCut { length, sha256 }| Cut { length, sha256 });
            match kept {
                Kept::Unreadable(unreadable) => return (Err(unreadable.with(body)), cut),
                Kept::Event(event) => (event.without_payload(), cut),
            }
        }
        Err(error) => (Err(error.into()), None),
    };
    let message = match event {
        Ok(mut message) => {
            message.envelope.payload = body;
            Ok(message)
        }
        Err(error) => {
            let why = format!("a dead letter's message: {error}");
            Err(Unreadable::new(why, body).with_headers([(STORED, stored)]))
        }
    };
    (message, cut)
}

/// The header that keeps the stored text of an unreadable message, so that nothing is lost when it is
/// buried again.
const STORED: &str = "ensue-stored-message";

impl From<&Message> for KeptEvent {
    fn from(Message { source, id, sequence, envelope }: &Message) -> Self {
        Self {
            source: source.clone(),
            id: id.clone(),
            sequence: *sequence,
            event_id: envelope.id.to_string(),
            r#type: envelope.event_type.clone().into_owned(),
            version: envelope.version,
            key: envelope.key.clone(),
            content_type: envelope.content_type.clone().into_owned(),
            occurred_at_us: envelope.occurred_at.as_micros(),
            correlation_id: envelope.correlation_id.as_str().to_owned(),
            causation_id: envelope.causation_id.map(|id| id.to_string()),
            hops: envelope.hops,
            trace_context: envelope.trace_context.clone(),
            headers: envelope.headers.clone(),
        }
    }
}

impl KeptEvent {
    fn without_payload(self) -> Result<Message, BoxError> {
        let envelope = Envelope {
            id: self.event_id.parse()?,
            event_type: self.r#type.into(),
            version: self.version,
            key: self.key,
            content_type: self.content_type.into(),
            payload: Vec::new(),
            occurred_at: Timestamp::from_micros(self.occurred_at_us),
            correlation_id: CorrelationId::new(self.correlation_id),
            causation_id: self.causation_id.as_deref().map(str::parse).transpose()?,
            hops: self.hops,
            trace_context: self.trace_context,
            headers: self.headers,
        };
        Ok(Message { source: self.source, id: self.id, sequence: self.sequence, envelope })
    }
}

impl From<&Unreadable> for KeptUnreadable {
    fn from(Unreadable { why, id, content_type, headers, .. }: &Unreadable) -> Self {
        Self {
            why: why.clone(),
            id: id.clone(),
            content_type: content_type.clone(),
            headers: headers.clone(),
        }
    }
}

impl KeptUnreadable {
    fn with(self, body: Vec<u8>) -> Unreadable {
        let Self { why, id, content_type, headers } = self;
        Unreadable { why, id, content_type, headers, body }
    }
}

#[cfg(test)]
mod tests {
    use ensue_core::EventId;

    use super::*;
    use crate::subscription::{Failure, FailureClass};

    fn message() -> Message {
        let id = EventId::now();
        let envelope = Envelope {
            id,
            event_type: "order.placed".into(),
            version: 3,
            key: Some("A\0-1".to_owned()),
            content_type: "text/plain".into(),
            payload: b"\0\xff".to_vec(),
            occurred_at: Timestamp::from_micros(-7),
            correlation_id: CorrelationId::from(id),
            causation_id: Some(EventId::now()),
            hops: 2,
            trace_context: Some("00-0-0-01".to_owned()),
            headers: BTreeMap::from([("actor".to_owned(), "anna \u{1f980}".to_owned())]),
        };
        Message { source: "shop".to_owned(), id: "4711".to_owned(), sequence: Some(7), envelope }
    }

    fn letter(message: Result<Message, Unreadable>) -> DeadLetter {
        let failure = Failure::new(FailureClass::Handler, "no card");
        let died_at = Timestamp::from_micros(9);
        DeadLetter { id: EventId::now(), message, cut: None, failure, attempts: 5, died_at }
    }

    #[test]
    fn every_dead_letter_comes_back() {
        let mut bare = message();
        (bare.sequence, bare.envelope.key, bare.envelope.causation_id) = (None, None, None);
        let unreadable = Unreadable::new("no type", b"\0");
        let whole = unreadable
            .clone()
            .with_id("4711")
            .with_content_type("text/plain")
            .with_headers([("a", "1\0"), ("a", "2")]);
        let letters = [Ok(message()), Ok(bare), Err(unreadable), Err(whole)].map(letter);
        let cut = letter(Ok(message())).cut_to(1);
        assert!(cut.cut.is_some());
        for letter in letters.into_iter().chain([cut]) {
            let columns = DeadLetterColumns::from(&letter);
            assert!(!columns.message.contains('\0'), "not every database has room for it");
            assert_eq!(columns.read().unwrap(), letter);
        }
    }

    #[test]
    fn half_a_message_says_what_is_missing_and_keeps_what_is_there() {
        let mut half = DeadLetterColumns::from(&letter(Ok(message())));
        half.message = r#"{"event":{"id":"4711"}}"#.to_owned();
        let read = half.clone().read().unwrap();
        let unreadable = read.message.clone().unwrap_err();
        let said = &unreadable.why;
        assert!(said.starts_with("a dead letter's message: missing field `source`"), "{said}");
        assert_eq!(unreadable.headers, [(STORED.to_owned(), half.message)]);
        assert_eq!(unreadable.body, half.body);
        assert_eq!(DeadLetterColumns::from(&read).read().unwrap(), read, "buried again");
    }
}
