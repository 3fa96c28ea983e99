//! Everything that was told and seen in a run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::history::History;
use crate::report::Report;
use crate::sightings::Sightings;

/// Everything that was told and seen in a run.
#[derive(Debug, Default)]
pub struct Evidence {
    /// What writers were told.
    pub history: History,
    /// What readers saw.
    pub sightings: Sightings,
    /// How many events were acknowledged.
    pub acknowledged: u64,
    /// How many events were rolled back on purpose.
    pub rolled_back: u64,
    /// How many transactions failed.
    pub failed: u64,
}

impl Evidence {
    /// A writer has told something.
    pub fn hear(&mut self, report: Report) {
        match report {
            Report::Committing { first, events, began } => {
                self.history.expect(first, events, began);
            }
            Report::Acknowledged { id, at } => {
                self.acknowledged += u64::from(self.history.acknowledge(id, at));
            }
            Report::RolledBack { events } => self.rolled_back += u64::from(events),
            Report::Failed => self.failed += 1,
        }
    }

    /// How many events may have been committed or not.
    pub fn in_doubt(&self) -> u64 {
        let all = self.history.transactions();
        let in_doubt = all.filter(|transaction| transaction.acknowledged.is_none());
        in_doubt.map(|transaction| u64::from(transaction.events)).sum()
    }
}

/// A handle to the evidence, for all who have some.
#[derive(Debug, Clone)]
pub struct Witness(Arc<Mutex<Evidence>>);

impl Witness {
    /// Of a run with so many readers.
    pub fn new(readers: usize) -> Self {
        let sightings = Sightings::new(readers);
        Self(Arc::new(Mutex::new(Evidence { sightings, ..Evidence::default() })))
    }

    /// The evidence so far. Not to be held over an `.await`.
    pub fn evidence(&self) -> MutexGuard<'_, Evidence> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
