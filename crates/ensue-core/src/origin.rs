//! What events continue: a request, a message, another event.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::{CorrelationId, EventId, Meta};

thread_local! {
    static CURRENT: RefCell<Option<Arc<Origin>>> = const { RefCell::new(None) };
}

/// What the events of a unit of work continue: a request, a message, another event, or nothing.
///
/// A unit of work takes it over where it begins, and gives it to every event raised in it, so that
/// no service has to hand it on. It opens nothing and holds nothing: a request that never writes
/// costs nothing by it.
///
/// ```
/// use ensue_core::{CorrelationId, Origin};
///
/// # async fn handle_request() {
/// let mut origin = Origin::default();
/// origin.correlation_id = Some(CorrelationId::new("req-7"));
/// origin.headers.insert("actor".into(), "anna".into());
///
/// origin.scope(async {
///     // whatever runs units of work: `orders.cancel(…).await`
///     assert_eq!(Origin::current().unwrap().headers["actor"], "anna");
/// }).await;
/// # }
/// ```
///
/// A task that is spawned inside is outside of it; it can be given a clone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Origin {
    /// What all events of the story share; made up for the first one unless it is given.
    pub correlation_id: Option<CorrelationId>,
    /// The event in whose handling they are raised.
    pub causation_id: Option<EventId>,
    /// How many commits lie between them and the start of the story.
    pub hops: u32,
    /// A `traceparent` ([W3C Trace Context](https://www.w3.org/TR/trace-context/)).
    pub trace_context: Option<String>,
    /// Whatever else shall travel with each of them.
    pub headers: BTreeMap<String, String>,
}

impl Origin {
    /// What is raised in the handling of the event that `meta` describes: the same story, one
    /// commit further from its start. Headers are the event's own, and stay with it.
    pub fn handling(meta: &Meta) -> Self {
        Self {
            correlation_id: Some(meta.correlation_id.clone()),
            causation_id: Some(meta.id),
            hops: meta.hops.saturating_add(1),
            trace_context: meta.trace_context.clone(),
            headers: BTreeMap::new(),
        }
    }

    /// What units of work that begin here and now continue.
    pub fn current() -> Option<Arc<Self>> {
        // A thread that is ending has no slot any more.
        CURRENT.try_with(|slot| slot.borrow().clone()).ok().flatten()
    }

    /// Lets every unit of work that begins in `future` continue this, wherever it is polled.
    ///
    /// CANCEL-SAFE: as `future` is.
    pub fn scope<F: Future>(self, future: F) -> Originated<F> {
        Originated { origin: Some(Arc::new(self)), future: Some(Box::pin(future)) }
    }
}

/// A future whose units of work continue an [`Origin`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is polled"]
pub struct Originated<F> {
    origin: Option<Arc<Origin>>,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for Originated<F> {
    type Output = F::Output;

    #[expect(clippy::expect_used, reason = "the contract of `Future`: not polled after its end")]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { origin, future } = &mut *self;
        let entered = Entered::new(origin);
        let result = future.as_mut().expect("polled after it was ready").as_mut().poll(cx);
        if result.is_ready() {
            *future = None;
        }
        drop(entered);
        result
    }
}

impl<F> Drop for Originated<F> {
    fn drop(&mut self) {
        let _entered = Entered::new(&mut self.origin);
        self.future = None;
    }
}

/// Swaps an origin into the thread's slot, and back when dropped, also by a panic.
struct Entered<'a>(&'a mut Option<Arc<Origin>>);

impl<'a> Entered<'a> {
    fn new(origin: &'a mut Option<Arc<Origin>>) -> Self {
        swap(origin);
        Self(origin)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

fn swap(origin: &mut Option<Arc<Origin>>) {
    // On a thread that is ending there is no slot, and nothing to swap back either.
    _ = CURRENT.try_with(|slot| mem::swap(&mut *slot.borrow_mut(), origin));
}
