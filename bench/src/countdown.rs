//! Tells when the last entry is there, without asking again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ensue::BoxError;
use tokio::sync::Notify;

/// LIMIT: how long anything may take to end; only what hangs gets there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// How many entries are still to come.
pub struct Countdown {
    left: AtomicU32,
    ended: Notify,
}

impl Countdown {
    /// Of so many.
    pub fn from(entries: u32) -> Arc<Self> {
        Arc::new(Self { left: AtomicU32::new(entries), ended: Notify::new() })
    }

    /// One of them is there.
    pub fn step(&self) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.ended.notify_one();
        }
    }

    /// So many more will come: to be said before the first of them does, once it has ended.
    pub(crate) fn begin_anew(&self, entries: u32) {
        self.left.store(entries, Ordering::Relaxed);
    }

    /// Waits for the last one.
    ///
    /// # Errors
    /// It does not come.
    pub async fn end(&self) -> Result<(), BoxError> {
        Ok(tokio::time::timeout(PATIENCE, self.ended.notified()).await?)
    }
}
