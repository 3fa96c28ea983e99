//! Events that a subscription is to handle, and that this program has no handler for.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use ensue_core::Position;

use super::Subscription;
use crate::Store;

/// What becomes of an event whose type a subscription has handled, or handles in another program,
/// while this program has no handler for it: it was renamed without an
/// [alias](crate::Event), its handler was removed, or a newer program is being rolled out.
///
/// Types that a subscription has never handled anywhere pass it by; so do those that are named with
/// [`passes_by`](crate::SubscriptionBuilder::passes_by).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum UnknownTypes {
    /// It is set aside with its key, tried again with backoff, and parked after the last attempt: a
    /// program that knows the type takes it from there.
    #[default]
    SetAside,
    /// It is passed by, logged, and counted:
    /// [`Operator::unknown_skipped`](crate::Operator::unknown_skipped).
    Skip,
    /// It is parked at once and the subscription is paused, until somebody has looked.
    Stop,
}

/// The policy, and what it came to.
#[derive(Debug, Default)]
pub(crate) struct Unknown {
    pub(crate) policy: UnknownTypes,
    pub(crate) passed_by: HashSet<String>,
    skipped: AtomicU64,
}

impl<S: Store> Subscription<S> {
    /// Those of `event_types` that are another program's.
    pub(crate) fn unknown_among(&self, event_types: &[String]) -> HashSet<String> {
        let unknown = event_types.iter().filter(|event_type| {
            !self.wants(event_type) && !self.unknown.passed_by.contains(*event_type)
        });
        unknown.cloned().collect()
    }

    pub(crate) fn skips_unknown(&self) -> bool {
        self.unknown.policy == UnknownTypes::Skip
    }

    /// Says so: nothing is passed by in silence.
    pub(crate) fn skip_unknown(&self, position: Position, event_type: &str) {
        let position = position.get();
        self.unknown.skipped.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(subscription = self.name, position, event_type, "unknown type skipped");
    }

    /// How many were, in this process.
    pub(crate) fn unknown_skipped(&self) -> u64 {
        self.unknown.skipped.load(Ordering::Relaxed)
    }
}
