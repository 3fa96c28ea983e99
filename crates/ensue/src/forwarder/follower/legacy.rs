//! What a term that was interrupted leaves to the next one of its process.
//!
//! A failed attempt counts when it is recorded. If the term ends before that, because the database
//! is away, or because the attempt itself has cost the connection at its commit, the next term records
//! it, before it tries the entry again; unless it finds that the attempt was committed after all.

use std::collections::BTreeMap;

use ensue_core::Position;

use super::{Follower, Outage, Suspects};
use crate::subscription::{Change, SetAside};

/// What a term leaves to the next one of its process.
#[derive(Debug, Default)]
pub struct Legacy {
    /// An entry may have ended the process, or the term, whose attempt is not on record.
    pub(in crate::forwarder) is_suspicious: bool,
    /// The failed attempts that were not recorded.
    pub(in crate::forwarder) failed: BTreeMap<Position, SetAside>,
    outage: Outage,
}

impl Follower {
    /// Takes over what the term before has left.
    pub fn inheriting(mut self, legacy: Legacy) -> Self {
        let Legacy { failed, outage, .. } = legacy;
        self.outage = outage;
        for (position, entry) in failed {
            if self.set_aside.contains(position) {
                self.set_aside.try_now(position);
                self.failed.insert(position);
                self.unrecorded.push(Change::SetAside(entry));
            } else if position > self.cursor && !self.receipts.contains(&position) {
                self.inherited.insert(position, entry);
            } else {
                // It was committed.
                self.outage.succeeded();
            }
        }
        self
    }

    /// The entry, if its attempt has failed in the term before, is not tried before that is recorded.
    pub(super) fn record_inherited(&mut self, position: Position) {
        if let Some(entry) = self.inherited.remove(&position) {
            self.lanes.begin(position);
            self.failed.insert(position);
            self.unrecorded.push(Change::SetAside(entry));
        }
    }

    /// What the next term of this process has to know. What is sent is sent again from the cursor on, so
    /// that an entry may come anew before one that has failed.
    pub fn leave(&self) -> Legacy {
        if self.sending.is_some() {
            return Legacy { is_suspicious: self.is_suspicious(), ..Legacy::default() };
        }
        let mut legacy = Legacy {
            // Those of a batch that failed are tried alone also by the next owner.
            is_suspicious: self.is_suspicious() || self.batches.are_apart(),
            failed: self.inherited.clone(),
            outage: self.outage.clone(),
        };
        for change in self.recording.iter().flatten().chain(&self.unrecorded) {
            match change {
                Change::SetAside(entry) if self.failed.contains(&entry.position) => {
                    legacy.failed.insert(entry.position, entry.clone());
                }
                // An entry that stops the subscription does so in one transaction with its own failure,
                // and so has to fail once more, on record. After a seek the attempt means nothing.
                Change::Pause { .. } | Change::Seek { .. } => {
                    return Legacy { is_suspicious: true, failed: BTreeMap::new(), ..legacy };
                }
                _ => {}
            }
        }
        legacy
    }

    /// The term ends, and not by the work that is under way: that may be why, such as a handler that
    /// keeps the lease from being renewed. It is looked for as after the end of a process.
    pub fn cut_off(&mut self) {
        let is_fresh = |position: &Position| !self.set_aside.contains(*position);
        if self.sending.is_none() && self.handling.keys().any(is_fresh) {
            self.suspects = Suspects::Unknown;
        }
    }
}
