//! Events that are handled together.

use std::ops::Deref;

use ensue_core::Meta;

use crate::handler::Handled;

/// Events that follow one another in the log, handled by one call and in one transaction.
///
/// It derefs to a slice, in the order of the log: [`iter`](slice::iter), `len`, `first`, `last`.
/// What [`on_batch`](crate::SubscriptionBuilder::on_batch) hands to its handler, as a
/// `&Batch<OrderPlaced>`, or as a `&Batch<AnyEvent>` from
/// [`on_any_batch`](crate::SubscriptionBuilder::on_any_batch). In a test it is made of what it holds:
///
/// ```
/// use ensue::{AnyEvent, Batch, Event, EventId, Meta, Received, Timestamp};
///
/// # #[derive(Debug, Event, serde::Serialize, serde::Deserialize)]
/// # struct OrderPlaced { total: i64 }
/// fn revenue(placed: &Batch<OrderPlaced>) -> i64 {
///     placed.iter().map(|received| received.event.total).sum()
/// }
///
/// let received = |total| {
///     let now = Timestamp::from_micros(0);
///     let meta = Meta::of(&AnyEvent::new(OrderPlaced { total }, now), EventId::now());
///     Received { event: OrderPlaced { total }, meta }
/// };
/// assert_eq!(revenue(&Batch::from(vec![received(3), received(4)])), 7);
/// ```
#[derive(Debug, Clone)]
pub struct Batch<E>(Vec<Received<E>>);

/// An event of a [`Batch`], with its metadata.
#[derive(Debug, Clone)]
pub struct Received<E> {
    /// What happened.
    pub event: E,
    /// When, and what else is known of it.
    pub meta: Meta,
}

impl<E> Deref for Batch<E> {
    type Target = [Received<E>];

    fn deref(&self) -> &[Received<E>] {
        &self.0
    }
}

impl<E> From<Vec<Received<E>>> for Batch<E> {
    fn from(events: Vec<Received<E>>) -> Self {
        Self(events)
    }
}

impl<'a, E> IntoIterator for &'a Batch<E> {
    type Item = &'a Received<E>;
    type IntoIter = std::slice::Iter<'a, Received<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<E: Send + Sync + 'static> Handled for Batch<E> {
    fn of(event: &ensue_core::AnyEvent) -> Option<&Self> {
        event.batch()
    }
}
