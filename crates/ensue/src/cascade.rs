//! How far events may lead to one another.

use ensue_core::Meta;

use crate::tx::Raised;
use crate::{Error, ErrorKind};

/// LIMIT: how many events may lead to one another inside one unit of work. Chains of this length
/// are loops in every system we have seen; a real one is three or four.
const DEPTH_MAX: usize = 16;

/// LIMIT: how many commits a chain of events may span. A loop through durable handlers runs for
/// ever without it.
const HOPS_MAX: u32 = 64;

/// Refuses an event that is too far down a chain of events in one unit of work.
pub(crate) fn check_depth(raised: &Raised) -> Result<(), Error> {
    if raised.chain().nth(DEPTH_MAX).is_none() {
        return Ok(());
    }
    let mut chain: Vec<_> = raised.chain().map(|raised| raised.event.event_type()).collect();
    chain.reverse();
    Err(Error::new(
        ErrorKind::Cascade,
        format!(
            "events raise events more than {DEPTH_MAX} deep: {}; break the loop, or let part of it \
             ensue in a subscription",
            chain.join(" -> ")
        ),
    ))
}

/// Refuses an event that is too many commits from the start of its story.
pub(crate) fn check_hops(meta: &Meta) -> Result<(), Error> {
    if meta.hops <= HOPS_MAX {
        return Ok(());
    }
    let event_type = &meta.event_type;
    Err(Error::new(
        ErrorKind::Cascade,
        format!("event `{event_type}` is more than {HOPS_MAX} commits from the start of its story"),
    ))
}
