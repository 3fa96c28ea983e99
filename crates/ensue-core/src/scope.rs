//! The ambient scope: where [`raise`](crate::raise) records.
//!
//! A runtime opens a [`Scope`] around domain code and takes what was raised when it ends. The scope
//! belongs to a computation, not to a thread: [`Scoped`] puts it into the thread's slot for the
//! length of each poll (and of the drop) and takes it out again, so that tasks that share a thread,
//! or one that moves between threads, never see each other's.
//!
//! INVARIANT: outside of a poll the thread's slot holds what it held before, also after a panic.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use crate::{AnyEvent, Clock, Timestamp};

thread_local! {
    static CURRENT: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

/// Runs `f` and returns, beside its result, the events that it raised: the way to test an entity.
pub fn capture<R>(f: impl FnOnce() -> R) -> (R, Vec<AnyEvent>) {
    let mut slot = Some(Scope::default());
    let result = {
        let _entered = Entered::new(&mut slot);
        f()
    };
    (result, slot.map(|scope| scope.raised).unwrap_or_default())
}

/// As [`capture`], for domain code that is async.
pub async fn capture_async<F: Future>(future: F) -> (F::Output, Vec<AnyEvent>) {
    let (result, scope) = Scoped::new(Scope::default(), future).await;
    (result, scope.raised)
}

/// What was raised in one computation, and how to raise into it.
#[derive(Debug, Default)]
pub struct Scope {
    raised: Vec<AnyEvent>,
    clock: Clock,
    kind: Kind,
    wreckage: Option<Wreckage>,
}

/// Where the events of computations that were dropped before their end are left.
#[derive(Debug, Clone, Default)]
pub struct Wreckage(Arc<Mutex<Vec<AnyEvent>>>);

impl Wreckage {
    /// Takes what was left.
    pub fn take(&self) -> Vec<AnyEvent> {
        mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn leave(&self, events: Vec<AnyEvent>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(events);
    }
}

#[derive(Debug, Default)]
enum Kind {
    #[default]
    Capture,
    Runtime {
        in_transaction: bool,
        /// The events that aggregates recorded and nobody collected yet; made at need.
        ledger: Option<Arc<Ledger>>,
    },
}

impl Scope {
    /// The scope of code that runs inside an open transaction: its events occur at the time that
    /// `clock` shows.
    pub fn in_transaction(clock: Clock) -> Self {
        Self::runtime(clock, true)
    }

    /// The scope of a handler that runs with no transaction open.
    pub fn without_transaction(clock: Clock) -> Self {
        Self::runtime(clock, false)
    }

    fn runtime(clock: Clock, in_transaction: bool) -> Self {
        let kind = Kind::Runtime { in_transaction, ledger: None };
        Self { raised: Vec::new(), clock, kind, wreckage: None }
    }

    /// Leaves the events in `wreckage` if the computation is dropped before its end.
    #[must_use]
    pub fn leaving(mut self, wreckage: Option<Wreckage>) -> Self {
        self.wreckage = wreckage;
        self
    }

    /// What was raised and not yet taken, of a computation that has failed.
    pub fn into_raised(self) -> Vec<AnyEvent> {
        self.raised
    }

    /// Ends the scope with what was raised in it and not yet taken.
    ///
    /// # Errors
    /// The types of the events that a [`Pending`](crate::Pending) recorded in it and that were
    /// never collected.
    pub fn finish(self) -> Result<Vec<AnyEvent>, Vec<String>> {
        let uncollected = match &self.kind {
            Kind::Runtime { ledger: Some(ledger), .. } => ledger.open(),
            Kind::Runtime { ledger: None, .. } | Kind::Capture => Vec::new(),
        };
        if uncollected.is_empty() { Ok(self.raised) } else { Err(uncollected) }
    }
}

/// Whether what runs on this thread right now runs inside an open transaction.
pub fn is_in_transaction() -> bool {
    with_current(|scope| matches!(scope.kind, Kind::Runtime { in_transaction: true, .. }))
        .unwrap_or(false)
}

/// Takes what was raised so far into the runtime's scope on this thread; from a [`capture`]
/// nothing.
pub fn take_raised() -> Vec<AnyEvent> {
    with_current(|scope| match scope.kind {
        Kind::Runtime { .. } => mem::take(&mut scope.raised),
        Kind::Capture => Vec::new(),
    })
    .unwrap_or_default()
}

/// The time that the current scope's clock shows; nothing outside of one.
pub(crate) fn now() -> Option<Timestamp> {
    // The clock is the user's: it is called with the slot free.
    with_current(|scope| scope.clock.clone()).map(|clock| clock.now())
}

pub(crate) fn push(event: AnyEvent) -> Result<(), AnyEvent> {
    let mut event = Some(event);
    with_current(|scope| scope.raised.extend(event.take()));
    event.map_or(Ok(()), Err)
}

pub(crate) fn ledger() -> Option<Arc<Ledger>> {
    with_current(|scope| match &mut scope.kind {
        Kind::Runtime { ledger, .. } => Some(Arc::clone(ledger.get_or_insert_default())),
        Kind::Capture => None,
    })
    .flatten()
}

fn with_current<R>(f: impl FnOnce(&mut Scope) -> R) -> Option<R> {
    // A thread that is ending has no slot any more, and so no scope.
    CURRENT.try_with(|slot| slot.borrow_mut().as_mut().map(f)).ok().flatten()
}

/// How many events of which types aggregates recorded and nobody collected yet.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<BTreeMap<String, usize>>);

impl Ledger {
    pub(crate) fn note(&self, event_type: &str) {
        *self.lock().entry(event_type.to_owned()).or_default() += 1;
    }

    pub(crate) fn strike(&self, event_type: &str) {
        let mut open = self.lock();
        if let Some(count) = open.get_mut(event_type) {
            *count -= 1;
            if *count == 0 {
                open.remove(event_type);
            }
        }
    }

    fn open(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A future that is polled, and dropped, inside a scope of its own.
///
/// CANCEL-SAFE: dropped half-way, it drops the inner future inside the scope (values that raise
/// when they are dropped still can) and the events with it.
#[derive(Debug)]
pub struct Scoped<F> {
    slot: Option<Scope>,
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Scoped<F> {
    /// `future`, to be polled inside `scope`.
    pub fn new(scope: Scope, future: F) -> Self {
        Self { slot: Some(scope), future: Some(Box::pin(future)) }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = (F::Output, Scope);

    #[expect(clippy::expect_used, reason = "the contract of `Future`: not polled after its end")]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { slot, future } = &mut *self;
        let entered = Entered::new(slot);
        let running = future.as_mut().expect("polled after it was ready");
        let result = running.as_mut().poll(cx);
        if result.is_ready() {
            *future = None;
        }
        drop(entered);
        result.map(|output| (output, slot.take().unwrap_or_default()))
    }
}

impl<F> Drop for Scoped<F> {
    fn drop(&mut self) {
        if self.future.is_none() {
            return;
        }
        let entered = Entered::new(&mut self.slot);
        self.future = None;
        drop(entered);
        if let Some(Scope { raised, wreckage: Some(wreckage), .. }) = self.slot.take() {
            wreckage.leave(raised);
        }
    }
}

/// Swaps a scope into the thread's slot, and back when dropped.
struct Entered<'a>(&'a mut Option<Scope>);

impl<'a> Entered<'a> {
    fn new(scope: &'a mut Option<Scope>) -> Self {
        swap(scope);
        Self(scope)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

fn swap(scope: &mut Option<Scope>) {
    // On a thread that is ending there is no slot, and nothing to swap back either.
    _ = CURRENT.try_with(|slot| mem::swap(&mut *slot.borrow_mut(), scope));
}
