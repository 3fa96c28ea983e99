//! The state that an interrupted term leaves to the next one of its process.
//!
//! A failed attempt counts once it is recorded. The term may end before that, because the database is
//! unreachable or because the attempt itself cost the connection at its commit. Then the next term
//! records it before it tries the entry again, unless it finds that the attempt was committed after all.

use std::collections::BTreeMap;

use ensue_core::Position;

use super::{Follower, Outage, Suspects};
use crate::subscription::{Change, SetAside};

/// The state that a term leaves to the next one of its process.
#[derive(Debug, Default)]
pub struct Legacy {
    /// An entry without a recorded attempt may have ended the process or the term.
    pub(in crate::forwarder) is_suspicious: bool,
    /// Failed attempts that are not recorded yet.
    pub(in crate::forwarder) failed: BTreeMap<Position, SetAside>,
    outage: Outage,
}

impl Follower {
    /// Takes over the legacy of the previous term.
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
                // The attempt was committed.
                self.outage.succeeded();
            }
        }
        self
    }

    /// Records the entry's failed attempt of the previous term, if any, before the entry is tried again.
    pub(super) fn record_inherited(&mut self, position: Position) {
        if let Some(entry) = self.inherited.remove(&position) {
            self.lanes.begin(position);
            self.failed.insert(position);
            self.unrecorded.push(Change::SetAside(entry));
        }
    }

    /// Returns what the next term of this process has to know. A sink receives everything after the cursor
    /// again, so an entry may come anew before one that has failed.
    pub fn leave(&self) -> Legacy {
        if self.sending.is_some() {
            return Legacy { is_suspicious: self.is_suspicious(), ..Legacy::default() };
        }
        let mut legacy = Legacy {
            // The next owner, too, tries the entries of a failed batch one by one.
            is_suspicious: self.is_suspicious() || self.batches.are_apart(),
            failed: self.inherited.clone(),
            outage: self.outage.clone(),
        };
        for change in self.recording.iter().flatten().chain(&self.unrecorded) {
            match change {
                Change::SetAside(entry) if self.failed.contains(&entry.position) => {
                    legacy.failed.insert(entry.position, entry.clone());
                }
                // An entry stops the subscription in one transaction with its own failure, so it has to
                // fail once more, on record. After a seek the attempt means nothing.
                Change::Pause { .. } | Change::Seek { .. } => {
                    return Legacy { is_suspicious: true, failed: BTreeMap::new(), ..legacy };
                }
                _ => {}
            }
        }
        legacy
    }

    /// Ends the term while work is in flight. That work may be the cause, for example a handler that blocks
    /// the renewal of the lease, so the next term looks for a suspect as after the end of a process.
    pub fn cut_off(&mut self) {
        let is_fresh = |position: &Position| !self.set_aside.contains(*position);
        if self.sending.is_none() && self.handling.keys().any(is_fresh) {
            self.suspects = Suspects::Unknown;
        }
    }
}
