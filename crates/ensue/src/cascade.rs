//! Why an event was raised: the chain of events behind it.

use std::borrow::Cow;
use std::sync::Arc;

use ensue_core::{CorrelationId, EventId, Meta};

use crate::{Error, ErrorKind};

/// LIMIT: how many events may lead to one another inside one unit of work. Chains of this length
/// are loops in every system we have seen; a real one is three or four.
pub(crate) const CASCADE_DEPTH_MAX: usize = 16;

/// LIMIT: how many commits a chain of events may span. A loop through durable handlers runs for
/// ever without it.
pub(crate) const HOPS_MAX: u32 = 64;

/// What the events of a unit of work continue: an entry of the log, or nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    pub(crate) correlation_id: Option<CorrelationId>,
    pub(crate) causation_id: Option<EventId>,
    pub(crate) hops: u32,
    pub(crate) trace_context: Option<String>,
}

impl Origin {
    /// What is raised in the handling of the entry that `meta` describes.
    pub(crate) fn handling(meta: &Meta) -> Self {
        Self {
            correlation_id: Some(meta.correlation_id.clone()),
            causation_id: Some(meta.id),
            hops: meta.hops.saturating_add(1),
            trace_context: meta.trace_context.clone(),
        }
    }
}

/// An event of this unit of work in whose handling another was raised.
#[derive(Debug)]
pub(crate) struct Cause {
    id: EventId,
    event_type: Cow<'static, str>,
    depth: usize,
    parent: Option<Arc<Self>>,
}

impl Cause {
    pub(crate) fn new(meta: &Meta, parent: Option<Arc<Self>>) -> Self {
        let depth = parent.as_ref().map_or(1, |parent| parent.depth + 1);
        Self { id: meta.id, event_type: meta.event_type.clone(), depth, parent }
    }

    pub(crate) fn id(&self) -> EventId {
        self.id
    }

    /// Refuses `event` if it is too far down a chain of causes.
    pub(crate) fn check_depth(&self, event: &str) -> Result<(), Error> {
        if self.depth < CASCADE_DEPTH_MAX {
            return Ok(());
        }
        let chain = self.chain();
        Err(Error::new(
            ErrorKind::Cascade,
            format!(
                "events raise events more than {CASCADE_DEPTH_MAX} deep: {chain} -> {event}; \
                 break the loop, or let part of it ensue in a subscription"
            ),
        ))
    }

    fn chain(&self) -> String {
        match &self.parent {
            Some(parent) => format!("{} -> {}", parent.chain(), self.event_type),
            None => self.event_type.to_string(),
        }
    }
}
