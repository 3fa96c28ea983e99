//! The ambient scope: where [`raise`](crate::raise) records.
//!
//! A runtime opens a [`Scope`] around domain code and takes what was raised when it ends. The scope
//! belongs to a computation, not to a thread: [`Scoped`] puts it into the thread's slot for the
//! length of each poll (and of the drop) and takes it out again, so that tasks that share a thread,
//! or one that moves between threads, never see each other's.
//!
//! INVARIANT: outside of a poll the thread's slot holds what it held before, also after a panic.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crate::{AnyEvent, Clock, Timestamp};

thread_local! {
    static CURRENT: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

/// Runs `f` and returns, beside its result, the events that it raised: the way to test an entity.
pub fn capture<R>(f: impl FnOnce() -> R) -> (R, Vec<AnyEvent>) {
    let (result, mut scope) = Scope::capture().run(f);
    (result, scope.take())
}

/// As [`capture`], for domain code that is async.
pub async fn capture_async<F: Future>(future: F) -> (F::Output, Vec<AnyEvent>) {
    let (result, mut scope) = Scoped::new(Scope::capture(), || Box::pin(future)).await;
    (result, scope.take())
}

/// What was raised in one computation, and how to raise into it.
///
/// It is swapped at every poll, so it is a pointer; one that has been emptied can be used again.
#[derive(Debug)]
pub struct Scope(Box<Contents>);

#[derive(Debug)]
struct Contents {
    raised: Vec<AnyEvent>,
    clock: Clock,
    /// Whether it is, or is inside of, an open transaction.
    in_transaction: bool,
    /// The events that aggregates recorded and nobody collected yet; a capture misses none.
    ledger: Option<Arc<Ledger>>,
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

impl Scope {
    /// The scope of code that runs inside an open transaction: its events occur at the time that
    /// `clock` shows, and what aggregates record is noted in `ledger`.
    pub fn in_transaction(clock: Clock, ledger: Arc<Ledger>) -> Self {
        Self::new(clock, true, Some(ledger))
    }

    /// The scope of a handler that runs with no transaction open.
    pub fn without_transaction(clock: Clock, ledger: Arc<Ledger>) -> Self {
        Self::new(clock, false, Some(ledger))
    }

    fn capture() -> Self {
        Self::new(Clock::system(), is_in_transaction(), None)
    }

    fn new(clock: Clock, in_transaction: bool, ledger: Option<Arc<Ledger>>) -> Self {
        Self(Box::new(Contents {
            raised: Vec::new(),
            clock,
            in_transaction,
            ledger,
            wreckage: None,
        }))
    }

    /// Leaves the events in `wreckage` if the computation is dropped before its end.
    #[must_use]
    pub fn leaving(mut self, wreckage: Option<Wreckage>) -> Self {
        self.0.wreckage = wreckage;
        self
    }

    /// Runs `f` inside the scope.
    pub fn run<R>(self, f: impl FnOnce() -> R) -> (R, Self) {
        let mut slot = Some(self);
        let entered = Entered::new(&mut slot);
        let result = f();
        drop(entered);
        (result, slot.unwrap_or_else(Self::capture))
    }

    /// Takes what was raised and not yet taken.
    pub fn take(&mut self) -> Vec<AnyEvent> {
        mem::take(&mut self.0.raised)
    }

    /// As [`take`](Self::take), one by one.
    pub fn drain(&mut self) -> impl Iterator<Item = AnyEvent> {
        self.0.raised.drain(..)
    }
}

/// Whether what runs on this thread right now runs inside an open transaction.
pub fn is_in_transaction() -> bool {
    with_current(|scope| scope.in_transaction).unwrap_or(false)
}

/// Takes what was raised so far into the runtime's scope on this thread; from a [`capture`]
/// nothing.
pub fn take_raised() -> Vec<AnyEvent> {
    with_current(|scope| match scope.ledger {
        Some(_) => mem::take(&mut scope.raised),
        None => Vec::new(),
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
    with_current(|scope| scope.ledger.clone()).flatten()
}

fn with_current<R>(f: impl FnOnce(&mut Contents) -> R) -> Option<R> {
    // A thread that is ending has no slot any more, and so no scope.
    CURRENT.try_with(|slot| slot.borrow_mut().as_mut().map(|scope| f(&mut scope.0))).ok().flatten()
}

/// The events that aggregates recorded in one unit of work and nobody collected yet.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    next: u64,
    /// Their types, in the order of recording.
    open: BTreeMap<u64, &'static str>,
}

impl Ledger {
    /// How far it has come: what is noted from now on is noted after this.
    pub fn mark(&self) -> u64 {
        self.lock().next
    }

    /// What was noted after `mark` has not happened: it is missed by nobody, and cannot be
    /// collected any more.
    pub fn void_after(&self, mark: u64) {
        self.lock().open.split_off(&mark);
    }

    /// The types of the events that are still to be collected, each once.
    pub fn uncollected(&self) -> Vec<&'static str> {
        let types: BTreeSet<_> = self.lock().open.values().copied().collect();
        types.into_iter().collect()
    }

    pub(crate) fn note(&self, event_type: &'static str) -> u64 {
        let mut notes = self.lock();
        let number = notes.next;
        notes.next += 1;
        notes.open.insert(number, event_type);
        number
    }

    /// False if it has not happened after all.
    pub(crate) fn strike(&self, number: u64) -> bool {
        self.lock().open.remove(&number).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A future that is made, polled and dropped inside a scope of its own.
///
/// CANCEL-SAFE: dropped half-way, it drops the inner future inside the scope (values that raise
/// when they are dropped still can) and the events with it.
#[derive(Debug)]
pub struct Scoped<B, F> {
    slot: Option<Scope>,
    stage: Stage<B, F>,
}

#[derive(Debug)]
enum Stage<B, F> {
    Before(B),
    Running(F),
    Over,
}

impl<B: FnOnce() -> F, F: Future + Unpin> Scoped<B, F> {
    /// The future that `begin` makes, in `scope`: what it does before its first `.await`, or before
    /// it is a future at all, is inside too.
    pub fn new(scope: Scope, begin: B) -> Self {
        Self { slot: Some(scope), stage: Stage::Before(begin) }
    }
}

/// What begins the future is moved out, never pinned.
impl<B, F: Unpin> Unpin for Scoped<B, F> {}

impl<B: FnOnce() -> F, F: Future + Unpin> Future for Scoped<B, F> {
    type Output = (F::Output, Scope);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { slot, stage } = &mut *self;
        let entered = Entered::new(slot);
        // A panic leaves it over.
        let mut running = match mem::replace(stage, Stage::Over) {
            Stage::Before(begin) => begin(),
            Stage::Running(running) => running,
            Stage::Over => panic!("polled after it was ready"),
        };
        let result = Pin::new(&mut running).poll(cx);
        match &result {
            Poll::Ready(_) => drop(running),
            Poll::Pending => *stage = Stage::Running(running),
        }
        drop(entered);
        result.map(|output| (output, slot.take().unwrap_or_else(Scope::capture)))
    }
}

impl<B, F> Drop for Scoped<B, F> {
    fn drop(&mut self) {
        let Some(scope) = self.slot.take() else { return };
        let stage = mem::replace(&mut self.stage, Stage::Over);
        let ((), mut scope) = scope.run(|| drop(stage));
        if let Some(wreckage) = scope.0.wreckage.take() {
            wreckage.leave(scope.take());
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
