//! Events on their way through a unit of work.

use std::sync::Arc;

use ensue_core::{AnyEvent, Meta};

use crate::cascade::Cause;

/// Raised, and not handled yet.
pub(super) struct Queued {
    pub(super) event: AnyEvent,
    pub(super) cause: Option<Arc<Cause>>,
}

/// An event with its metadata.
pub(crate) struct Raised {
    pub(crate) event: AnyEvent,
    pub(crate) meta: Meta,
}
