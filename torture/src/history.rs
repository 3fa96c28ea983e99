//! What writers were told.

use std::collections::BTreeMap;
use std::fmt;

use crate::mark::Mark;
use crate::moment::Moment;

/// One transaction of one writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransactionId(u64);

impl TransactionId {
    /// The `number`th transaction of `writer`.
    pub const fn new(writer: u16, number: u32) -> Self {
        Self((writer as u64) << 32 | number as u64)
    }

    pub(crate) const fn from_number(number: u64) -> Self {
        Self(number)
    }

    pub(crate) const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0 >> 32, self.0 & 0xffff_ffff)
    }
}

/// A transaction that was to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction {
    /// The mark of its first event.
    pub first: Mark,
    /// How many events it appended.
    pub events: u32,
    /// Before it began.
    pub began: Moment,
    /// After its commit was acknowledged. Without it, it may have been committed or not.
    pub acknowledged: Option<Moment>,
}

/// Every transaction that was to be committed, and what its writer was told.
#[derive(Debug, Default)]
pub struct History(BTreeMap<TransactionId, Transaction>);

impl History {
    /// A transaction is about to be committed: from now on it may be.
    pub fn expect(&mut self, first: Mark, events: u32, began: Moment) {
        let transaction = Transaction { first, events, began, acknowledged: None };
        self.0.insert(first.transaction(), transaction);
    }

    /// The commit of a transaction was acknowledged: how many events that are.
    pub fn acknowledge(&mut self, id: TransactionId, at: Moment) -> u32 {
        let Some(transaction) = self.0.get_mut(&id) else { return 0 };
        transaction.acknowledged = Some(at);
        transaction.events
    }

    /// The transaction of this id.
    pub fn find(&self, id: TransactionId) -> Option<&Transaction> {
        self.0.get(&id)
    }

    /// All transactions, in the order of their ids.
    pub fn transactions(&self) -> impl Iterator<Item = &Transaction> {
        self.0.values()
    }
}
