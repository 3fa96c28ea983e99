//! Events on their way through a unit of work.

use std::iter;
use std::sync::Arc;

use ensue_core::{AnyEvent, Meta};

/// Raised, and not handled yet.
pub(super) struct Queued {
    pub(super) event: AnyEvent,
    pub(super) cause: Option<Arc<Raised>>,
}

/// An event with its metadata.
pub(crate) struct Raised {
    pub(crate) event: AnyEvent,
    pub(crate) meta: Meta,
    /// The event of this unit of work in whose handling it was raised.
    cause: Option<Arc<Self>>,
}

impl Queued {
    /// The event, its metadata derived from those of its cause.
    pub(super) fn described_by(self, describe: impl FnOnce(&AnyEvent) -> Meta) -> Raised {
        let Self { event, cause } = self;
        let mut meta = describe(&event);
        if let Some(cause) = &cause {
            meta.causation_id = Some(cause.meta.id);
        }
        Raised { event, meta, cause }
    }
}

impl Raised {
    /// The event, its cause, the cause of that …
    pub(crate) fn chain(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |raised| raised.cause.as_deref())
    }
}
