//! Noticing what other processes write.
//!
//! Whoever commits appends to the write-ahead log beside the database file, so a look at that
//! file's size and time, which costs a microsecond and no statement, says whether there may be
//! something new.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, MissedTickBehavior};

/// How soon another process's commit is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The kernel stamps files with a clock that ticks every 1 to 10 ms, and the pages of a transaction
/// are written before the mark that commits it. What was written just now may therefore have been
/// looked at too early: it counts as changing for this long after the last change that was seen.
const SETTLES_AFTER: Duration = Duration::from_millis(30);

pub(crate) struct WalFile {
    path: PathBuf,
    seen: Mutex<Seen>,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    stamp: Option<(u64, SystemTime)>,
    changed_at: Option<Instant>,
}

impl WalFile {
    pub(crate) fn beside(database: &Path) -> Self {
        let mut path = database.as_os_str().to_owned();
        path.push("-wal");
        Self { path: path.into(), seen: Mutex::default() }
    }

    /// Ends when there may be something new.
    ///
    /// CANCEL-SAFE: what was seen is kept, and a change after the last look is a change still.
    pub(crate) async fn changed(&self) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.tick().await;
        loop {
            looks.tick().await;
            if self.look(Instant::now()) {
                return;
            }
        }
    }

    fn look(&self, now: Instant) -> bool {
        let stamp = self.stamp();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.stamp != stamp {
            *seen = Seen { stamp, changed_at: Some(now) };
        }
        seen.changed_at.is_some_and(|changed_at| now.duration_since(changed_at) < SETTLES_AFTER)
    }

    /// Nothing while there is no such file, before the first write and after a clean last close.
    fn stamp(&self) -> Option<(u64, SystemTime)> {
        let file = std::fs::metadata(&self.path).ok()?;
        Some((file.len(), file.modified().ok()?))
    }
}
