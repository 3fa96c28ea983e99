//! A message on its way to its handler.

use ensue_core::{EventId, Meta};

use super::lane::Lane;
use super::{Message, Unreadable};

/// What has arrived.
#[derive(Debug)]
pub(super) struct Parcel {
    /// The event's; of what is no event, one made of what it is, so that it is known when it comes again.
    pub(super) id: EventId,
    pub(super) message: Result<Message, Unreadable>,
}

impl Parcel {
    pub(super) fn new(message: Result<Message, Unreadable>) -> Self {
        let id = match &message {
            Ok(message) => message.envelope.id,
            Err(Unreadable { id, body, .. }) => {
                let id = id.as_deref().unwrap_or_default();
                EventId::named(&[b"unreadable\0", id.as_bytes(), b"\0", body].concat())
            }
        };
        Self { id, message }
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

    /// Of what is an event.
    pub(super) fn meta(&self, attempt: u32) -> Option<Meta> {
        self.message.as_ref().ok().map(|message| message.envelope.meta(attempt))
    }

    /// The event's type, in words.
    pub(super) fn event_type(&self) -> &str {
        self.message.as_ref().map_or("no event", |message| &message.envelope.event_type)
    }
}
