//! Names of events and of what they belong to.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::{Builder, Uuid, Version};

/// The id of one event, made once and kept for ever: what a consumer recognises a repetition by.
///
/// Of our own events a UUID of version 7 ([RFC 9562](https://www.rfc-editor.org/rfc/rfc9562)). It is for identity
/// alone: what orders the log is the [`Position`](crate::Position).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(Uuid);

impl EventId {
    /// A new id.
    pub fn now() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id after this one, for the next event of one unit of work: the same time, and the random
    /// part counted up (RFC 9562 §6.2, method 2), which takes neither a clock nor randomness.
    #[must_use]
    pub const fn next(self) -> Self {
        let (fixed, counted) = (self.0.as_u128() & !COUNTED, self.0.as_u128() & COUNTED);
        Self(Uuid::from_u128(fixed | (counted.wrapping_add(1) & COUNTED)))
    }

    /// The id of what `name` names, the same whenever it is asked for: a UUID of version 5. For what
    /// has come from elsewhere with another kind of id, or with none.
    pub fn named(name: &[u8]) -> Self {
        Self(Uuid::new_v5(&NAMES, name))
    }

    /// What recognises the event `id` of `source` among those of every source, the same whenever it is
    /// asked for: two services may have given one id.
    ///
    /// Where `id` is a UUID of version 7, which begins with a time, so is this one and begins with the
    /// same: that is what keeps receipts of about the same time together, in an index and in a list.
    pub fn among_all(source: &str, id: &str) -> Self {
        let named = Self::named(&[source.as_bytes(), b"\0", id.as_bytes()].concat());
        match id.parse::<Uuid>() {
            Ok(id) if id.get_version_num() == 7 => {
                let (timed, named) = (id.as_u128() & !AFTER_TIME, named.0.as_u128() & AFTER_TIME);
                Self(Builder::from_u128(timed | named).with_version(Version::SortRand).into_uuid())
            }
            _ => named,
        }
    }

    /// An id that was made elsewhere.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The id as a UUID.
    pub const fn as_uuid(&self) -> Uuid {
        self.0
    }
}

/// What tells our names from those of others; it must never change.
const NAMES: Uuid = Uuid::from_u128(0x0d4e_6f2a_91b3_5c7e_8a16_3f5b_c2d7_e948);

/// All but the first 48 bits, which are a time in milliseconds.
const AFTER_TIME: u128 = (1 << 80) - 1;

/// The last 62 bits, behind the variant.
const COUNTED: u128 = (1 << 62) - 1;

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for EventId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The identity of a log, which no other log ever has.
///
/// It is created with the log's tables and never changes. Copies, such as a replica or a restored dump, share
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LogId(Uuid);

impl LogId {
    /// Creates the identity of a new log.
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }
}

impl Default for LogId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LogId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// What all events of one story share, across units of work and processes: by default the text of
/// an id made for the first unit of work, otherwise whatever the caller brought with it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CorrelationId(Arc<str>);

impl CorrelationId {
    /// The correlation id that reads `text`.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<EventId> for CorrelationId {
    fn from(id: EventId) -> Self {
        Self(id.to_string().into())
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_id_is_larger_and_still_of_version_7() {
        let first = EventId::now();
        let next = first.next();
        assert!(next > first || first.0.as_u128() & COUNTED == COUNTED);
        assert_eq!(next.0.get_version_num(), 7);
    }

    #[test]
    fn a_name_has_one_id_for_ever() {
        let id = EventId::named(b"shop/4711");
        assert_eq!(id.to_string(), "59812bed-f56c-5ef9-b6fb-1cf686b722b7");
        assert_ne!(id, EventId::named(b"shop/4712"));
    }

    #[test]
    fn what_recognises_an_event_is_its_source_and_its_id() {
        let id = EventId::now().to_string();
        let among_all = EventId::among_all("/shop", &id);
        assert_eq!(among_all, EventId::among_all("/shop", &id));
        assert_ne!(among_all, EventId::among_all("/till", &id));
        assert_ne!(EventId::among_all("/a", "b/c"), EventId::among_all("/a/b", "c"));
        assert_eq!(among_all.0.get_version_num(), 7);
        assert_eq!(among_all.0.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(EventId::among_all("/till", "4711").0.get_version_num(), 5);
        let of_old = EventId::among_all("/shop", "018bcfe5-687b-7000-8000-0000000000ff");
        assert_eq!(of_old.to_string(), "018bcfe5-687b-7056-a6ac-3c8ef43b3199", "for ever");
    }

    #[test]
    fn counting_up_never_reaches_version_or_variant() {
        let last = EventId(Uuid::from_u128(EventId::now().0.as_u128() | COUNTED));
        assert_eq!(last.next().0.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(last.next().0.as_u128() & COUNTED, 0);
    }
}
