//! How far the outbox is known to be empty.

use std::sync::{Arc, Mutex, PoisonError};

/// What the last complete pass of this process has seen, on which server: of all that was visible then
/// nothing is in the outbox any more. The database alone knows what it says; see
/// `migrations/0005_horizon.sql`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Horizon(Arc<Mutex<Option<String>>>);

impl Horizon {
    pub(crate) fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, seen: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}
