//! Events that an aggregate records itself.

use std::fmt;
use std::sync::Arc;

use crate::scope::{self, Ledger};
use crate::{AnyEvent, Event, Raise, Timestamp};

/// The events of an aggregate that prefers to record them: a field of it, which the unit of work
/// collects.
///
/// It is no part of the aggregate's value: a clone is empty, any two are equal, and it should be
/// skipped where the aggregate is serialized. Events that were recorded inside a unit of work and
/// are never collected make its commit fail, so that none is lost for want of a line.
///
/// ```
/// use ensue_core::{Event, Pending, Raise, Recorded};
///
/// #[derive(Event)]
/// #[event(local)]
/// struct CartEmptied;
///
/// #[derive(Default, Clone, PartialEq)]
/// struct Cart { items: u32, pending: Pending }
///
/// impl Cart {
///     fn empty(&mut self) {
///         self.items = 0;
///         self.pending.raise(CartEmptied);
///     }
/// }
///
/// impl Recorded for Cart {
///     fn pending(&mut self) -> &mut Pending { &mut self.pending }
/// }
///
/// let mut cart = Cart::default();
/// cart.empty();
/// assert_eq!(cart.pending().take().len(), 1);
/// ```
#[derive(Default)]
pub struct Pending(Vec<Recording>);

struct Recording {
    event: AnyEvent,
    /// Where the unit of work notes what it still has to collect, and under which number.
    noted: Option<(Arc<Ledger>, u64)>,
}

/// An aggregate that records its events.
pub trait Recorded {
    /// The events it has recorded.
    fn pending(&mut self) -> &mut Pending;
}

impl Recorded for Pending {
    fn pending(&mut self) -> &mut Pending {
        self
    }
}

impl Pending {
    /// How many events wait to be collected.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Hands the events over, in the order of their recording; without those that were recorded in
    /// a unit of work or a savepoint that has been rolled back, since they have not happened.
    pub fn take(&mut self) -> Vec<AnyEvent> {
        self.0.drain(..).filter_map(Recording::collect).collect()
    }

    /// As [`Raise::raise`], of something that happened at `occurred_at`.
    pub fn raise_at<E: Event>(&mut self, event: E, occurred_at: Timestamp) {
        let noted = scope::ledger().map(|ledger| {
            let number = ledger.note(E::TYPE);
            (ledger, number)
        });
        self.0.push(Recording { event: AnyEvent::new(event, occurred_at), noted });
    }
}

impl Recording {
    fn collect(self) -> Option<AnyEvent> {
        let happened = self.noted.is_none_or(|(ledger, number)| ledger.strike(number));
        happened.then_some(self.event)
    }
}

impl Raise for Pending {
    fn raise<E: Event>(&mut self, event: E) {
        let now = scope::now().unwrap_or_else(|| std::time::SystemTime::now().into());
        self.raise_at(event, now);
    }
}

impl Clone for Pending {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Pending {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Pending {}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|recording| &recording.event)).finish()
    }
}
