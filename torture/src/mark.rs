//! What is known of an event from looking at it.

use std::fmt;
use std::str::FromStr;

use ensue::{Event, PayloadError};

use crate::history::TransactionId;

/// Everything that the judge wants to know of an event, in sixteen bytes: they are its payload, so
/// that the log itself says what ought to be true of it, and ten million fit into memory.
///
/// From the highest bits to the lowest: the transaction, the key, the number within the key, whether
/// the event is doomed, the index within the transaction. Events of one transaction are therefore
/// neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u128);

/// What an event must stay in order with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(u16);

impl Key {
    /// Rows of the domain that all writers fight for.
    pub const HOT: u16 = 5;

    /// One of the hot ones.
    pub const fn hot(number: u16) -> Self {
        Self(number % Self::HOT)
    }

    /// The one that `writer` alone has.
    pub const fn of_writer(writer: u16) -> Self {
        Self(writer.saturating_add(Self::HOT))
    }

    /// Its number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key-{}", self.0)
    }
}

const TRANSACTION: u32 = 80;
const KEY: u32 = 64;
const NUMBER: u32 = 32;
const DOOMED: u32 = 24;

impl Mark {
    /// LIMIT: events of one transaction.
    pub const EVENTS_MAX: u32 = 1 << DOOMED;

    /// None: what a reader is shown at a position of which a log says that nothing stands there.
    pub const NOTHING: Self = Self(0);

    /// That of the first event of a transaction which is the `number`th of its key.
    pub fn first(transaction: TransactionId, key: Key, number: u32) -> Self {
        let transaction = u128::from(transaction.get()) << TRANSACTION;
        Self(transaction | u128::from(key.0) << KEY | u128::from(number) << NUMBER)
    }

    /// As an event that will be rolled back, and may never be seen.
    #[must_use]
    pub const fn doomed(self) -> Self {
        Self(self.0 | 1 << DOOMED)
    }

    /// That of the event which is the `index`th of the same transaction, counted from 0.
    #[must_use]
    pub fn at(self, index: u32) -> Self {
        Self(self.0 - u128::from(self.index()) + u128::from(index % Self::EVENTS_MAX))
    }

    /// The transaction that appended it.
    pub fn transaction(self) -> TransactionId {
        TransactionId::from_number(u64::try_from(self.0 >> TRANSACTION).unwrap_or(u64::MAX))
    }

    /// The key.
    pub const fn key(self) -> Key {
        Key((self.0 >> KEY & 0xffff) as u16)
    }

    /// The place within the key: the number of the transaction, and the index in it.
    pub const fn place(self) -> (u32, u32) {
        ((self.0 >> NUMBER & 0xffff_ffff) as u32, self.index())
    }

    /// Whether it was to be rolled back.
    pub const fn is_doomed(self) -> bool {
        self.0 >> DOOMED & 1 == 1
    }

    const fn index(self) -> u32 {
        (self.0 & 0x00ff_ffff) as u32
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for Mark {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(Self)
    }
}

/// As an event is stored: the mark, readable.
impl Event for Mark {
    const TYPE: &'static str = "torture.marked";
    const CONTENT_TYPE: &'static str = "text/plain";

    fn key(&self) -> Option<String> {
        Some(Self::key(*self).to_string())
    }

    fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        Ok(self.to_string().into_bytes())
    }

    fn decode(payload: &[u8], _: u32) -> Result<Self, PayloadError> {
        let text = std::str::from_utf8(payload);
        let text = text.map_err(|error| PayloadError::new(Self::TYPE, error))?;
        text.parse().map_err(|error| PayloadError::new(Self::TYPE, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_what_it_was_made_of() {
        let transaction = TransactionId::new(u16::MAX, u32::MAX);
        let mark = Mark::first(transaction, Key(u16::MAX), u32::MAX).doomed().at(77);
        assert_eq!(mark.transaction(), transaction);
        assert_eq!((mark.key(), mark.place()), (Key(u16::MAX), (u32::MAX, 77)));
        assert!(mark.is_doomed());
    }

    #[test]
    fn a_mark_comes_back_from_its_payload() {
        let mark = Mark::first(TransactionId::new(3, 4), Key::hot(2), 9).at(1);
        assert_eq!(Mark::decode(&mark.encode().unwrap(), 1).unwrap(), mark);
    }

    #[test]
    fn events_of_one_transaction_are_neighbours() {
        let mark = Mark::first(TransactionId::new(3, 4), Key::hot(2), 9);
        assert_eq!(mark.at(8).0 - mark.at(7).0, 1);
        assert_eq!(mark.at(7).at(2), mark.at(2));
        assert!(!mark.at(Mark::EVENTS_MAX - 1).is_doomed());
    }
}
