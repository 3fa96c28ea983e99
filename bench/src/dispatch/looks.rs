//! How often handlers ran: a benchmark of handlers that nobody calls would be a fast one.

use std::sync::atomic::{AtomicU64, Ordering};

static LOOKS: AtomicU64 = AtomicU64::new(0);

pub(super) fn count() {
    LOOKS.fetch_add(1, Ordering::Relaxed);
}

/// How often since the last time; without optimisation only, so that it is no part of what is
/// measured.
pub fn take() -> u64 {
    LOOKS.swap(0, Ordering::Relaxed)
}
