//! Where after-commit handlers run: in this process, a few at a time, and nobody waits for them.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ensue_core::Origin;
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use crate::handler::{PlainHandler, States};
use crate::tx::Raised;
use crate::words::{chain, words_of};

/// LIMIT: units of work whose handlers wait for their turn. They wait in memory, and so many mean
/// that the handlers are slower than the work that calls for them.
const WAITING_MAX: usize = 10_000;

/// LIMIT: handlers that run at once, unless told otherwise. They mostly wait for somebody else.
pub(crate) const WORKERS: usize = 16;

/// What log filters know these handlers by.
const TARGET: &str = "ensue::after_commit";

pub(crate) struct LocalPool {
    turns: Arc<Semaphore>,
    queue: watch::Sender<Queue>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Queue {
    /// Units of work whose calls wait or run.
    waiting: usize,
    closed: bool,
}

/// One unit of work's place in the queue, until it is dropped.
struct Place(watch::Sender<Queue>);

#[derive(Default)]
struct Counts {
    handled: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

/// What has become of the handlers that ran after a commit, or after a rollback, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AfterCommitCounts {
    /// Calls that succeeded.
    pub handled: u64,
    /// Calls that returned an error or panicked.
    pub failed: u64,
    /// Calls that were never made, because too many waited or the application had shut down.
    pub dropped: u64,
    /// Units of work whose calls wait or run.
    pub waiting: u64,
}

/// One handler's call for one event.
pub(crate) struct PlannedCall {
    pub(crate) raised: Arc<Raised>,
    pub(crate) handler: Arc<PlainHandler>,
}

impl LocalPool {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(workers)),
            queue: watch::Sender::default(),
            counts: Arc::default(),
        }
    }

    /// Lets the calls of one unit of work be made, one after the other.
    pub(crate) fn spawn(&self, calls: Vec<PlannedCall>, states: &Arc<States>) {
        let (Some(place), Ok(runtime)) = (Place::in_queue(&self.queue), Handle::try_current())
        else {
            return self.drop_calls(&calls);
        };
        let (turns, counts) = (Arc::clone(&self.turns), Arc::clone(&self.counts));
        let states = Arc::clone(states);
        runtime.spawn(async move {
            let _place = place;
            // The semaphore is never closed.
            let _turn = turns.acquire().await;
            for call in calls {
                counts.count(&call, call.make(&states).await);
            }
        });
    }

    /// True if everything had ended within `limit`; what comes later is dropped.
    pub(crate) async fn drain(&self, limit: Duration) -> bool {
        self.queue.send_modify(|queue| queue.closed = true);
        tokio::time::timeout(limit, self.empty()).await.is_ok()
    }

    /// Ends when no call waits or runs.
    #[cfg(feature = "testing")]
    pub(crate) async fn settle(&self) {
        self.empty().await;
    }

    async fn empty(&self) {
        let mut queue = self.queue.subscribe();
        // The sender is here, so it is never gone.
        let _empty = queue.wait_for(|queue| queue.waiting == 0).await;
    }

    pub(crate) fn counts(&self) -> AfterCommitCounts {
        AfterCommitCounts {
            handled: self.counts.handled.load(Ordering::Relaxed),
            failed: self.counts.failed.load(Ordering::Relaxed),
            dropped: self.counts.dropped.load(Ordering::Relaxed),
            waiting: self.queue.borrow().waiting as u64,
        }
    }

    fn drop_calls(&self, calls: &[PlannedCall]) {
        self.counts.dropped.fetch_add(calls.len() as u64, Ordering::Relaxed);
        for PlannedCall { raised, handler } in calls {
            let (handler, event) = (handler.description.name, &raised.meta.event_type);
            tracing::error!(target: TARGET, handler, %event, "dropped: the pool is full, or shut down");
        }
    }
}

impl Place {
    /// Nothing if the queue is full or closed.
    fn in_queue(queue: &watch::Sender<Queue>) -> Option<Self> {
        let taken = queue.send_if_modified(|queue| {
            let free = !queue.closed && queue.waiting < WAITING_MAX;
            queue.waiting += usize::from(free);
            free
        });
        taken.then(|| Self(queue.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.send_modify(|queue| queue.waiting -= 1);
    }
}

impl PlannedCall {
    /// A panic is a failure like any other.
    async fn make(&self, states: &States) -> Result<(), String> {
        let Self { raised, handler } = self;
        let call = async { handler.call(&raised.event, &raised.meta, states).await };
        let call = Origin::handling(&raised.meta).scope(call);
        match AssertUnwindSafe(call).catch_unwind().await {
            Ok(result) => result.map_err(|error| chain(&*error)),
            Err(panic) => Err(words_of(&*panic)),
        }
    }
}

impl Counts {
    fn count(&self, call: &PlannedCall, result: Result<(), String>) {
        match result {
            Ok(()) => self.handled.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                let handler = call.handler.description.name;
                let (event, id) = (&call.raised.meta.event_type, call.raised.meta.id);
                tracing::error!(target: TARGET, handler, %event, %id, error, "failed after the commit");
                self.failed.fetch_add(1, Ordering::Relaxed)
            }
        };
    }
}
