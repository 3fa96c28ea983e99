//! A message on its way to its handler.

use ensue_core::EventId;

use super::lane::Lane;
use super::{Message, Unreadable};

/// What has arrived.
#[derive(Debug)]
pub(super) struct Parcel {
    /// What recognises the event among those of every source; of what is no event, an id made of what it
    /// is, so that it is known when it comes again.
    pub(super) id: EventId,
    pub(super) message: Result<Message, Unreadable>,
}

impl Parcel {
    pub(super) fn new(message: Result<Message, Unreadable>) -> Self {
        let id = match &message {
            Ok(message) => message.receipt_id(),
            Err(unreadable) => of_all_there_is(unreadable),
        };
        Self { id, message }
    }

    /// Returns the event, if it can be handled.
    ///
    /// # Errors
    /// The reason, in words: events that its handler raises would carry a name that no store takes.
    pub(super) fn event(&self) -> Result<&Message, String> {
        let message = self.message.as_ref().map_err(|unreadable| unreadable.why.clone())?;
        match message.check() {
            Ok(()) => Ok(message),
            Err(error) => Err(error.to_string()),
        }
    }

    pub(super) fn lane(&self) -> Lane {
        let key = self.message.as_ref().ok().and_then(|message| message.envelope.key.as_deref());
        Lane::of(key, self.id)
    }

    /// Its source, and where it stands in that one's log.
    pub(super) fn sequence(&self) -> Option<(String, u64)> {
        let message = self.message.as_ref().ok()?;
        Some((message.source.clone(), message.sequence?))
    }

    /// The payload of an event, or the whole body of an unreadable message.
    pub(super) fn body(&self) -> &[u8] {
        match &self.message {
            Ok(message) => &message.envelope.payload,
            Err(unreadable) => &unreadable.body,
        }
    }

    /// Returns the memory it takes, in bytes, without a constant part.
    pub(super) fn bytes(&self) -> usize {
        let bytes_of = |(name, value): (&String, &String)| name.len() + value.len();
        let beside: usize = match &self.message {
            Ok(message) => message.envelope.headers.iter().map(bytes_of).sum(),
            Err(unreadable) => {
                unreadable.headers.iter().map(|(name, value)| bytes_of((name, value))).sum()
            }
        };
        self.body().len() + beside
    }

    /// The event's type, in words.
    pub(super) fn event_type(&self) -> &str {
        self.message.as_ref().map_or("no event", |message| &message.envelope.event_type)
    }
}

/// ORDERING: each part behind its length, so that no two messages are written alike.
fn of_all_there_is(unreadable: &Unreadable) -> EventId {
    let Unreadable { why: _, id, content_type, headers, body } = unreadable;
    let of_headers = headers.iter().flat_map(|(name, value)| [Some(name), Some(value)]);
    let parts = [id.as_ref(), content_type.as_ref()].into_iter().chain(of_headers);
    let mut name = b"unreadable".to_vec();
    for part in parts.map(|part| part.map(String::as_bytes)).chain([Some(&**body)]) {
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        name.extend(length.to_le_bytes());
        name.extend(part.unwrap_or_default());
    }
    EventId::named(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(unreadable: &Unreadable) -> EventId {
        Parcel::new(Err(unreadable.clone())).id
    }

    #[test]
    fn what_is_no_event_is_recognised_by_all_that_arrived() {
        let one = || Unreadable::new("no type", b"{}");
        let known = [
            one(),
            one().with_id(""),
            one().with_content_type(""),
            one().with_headers([("a", "")]),
            one().with_headers([("", "a")]),
            one().with_headers([("a", ""), ("b", "")]),
            Unreadable::new("no type", b""),
        ];
        for (place, unreadable) in known.iter().enumerate() {
            let alike = known.iter().position(|other| id(other) == id(unreadable));
            assert_eq!(alike, Some(place), "{unreadable:?}");
        }
        assert_eq!(id(&Unreadable::new("in other words", b"{}")), id(&one()));
    }
}
