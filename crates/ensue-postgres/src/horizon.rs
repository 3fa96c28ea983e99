//! The point up to which the outbox is known to be empty.

use std::sync::{Arc, Mutex, PoisonError};

/// The snapshot of this process's last complete pass, and its server: the outbox no longer has any row
/// that was visible then. Only the database interprets it; see `migrations/0005_horizon.sql`.
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
