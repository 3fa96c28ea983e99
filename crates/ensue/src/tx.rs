//! An open unit of work.

mod aftermath;
mod inbox;
mod open_transaction;
mod raised;
mod savepoint;

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use ensue_core::scope::{self, Ledger, Scope, Scoped, Wreckage};
use ensue_core::{
    AnyEvent, CorrelationId, Envelope, Event, EventId, Meta, Origin, Raise, Recorded, Timestamp,
};

use self::aftermath::Aftermath;
use self::open_transaction::OpenTransaction;
use self::raised::Queued;
pub(crate) use self::raised::Raised;
use crate::builder::{Handlers, PlainHandlers};
use crate::cascade::{check_depth, check_hops};
use crate::events::Application;
use crate::handler::{BoxedHandler, Call, Call1};
use crate::rescue::Rescue;
use crate::subscription::{Change, Epoch};
use crate::{Error, ErrorKind, IntoHandler, IntoPlainHandler, Store};

/// An open unit of work: one database transaction and the events raised in it.
///
/// It derefs to the store's connection, so that statements run on `&mut **tx`, and it has no
/// lifetime, so that every signature is `tx: &mut Tx`. Store crates export it as an alias with
/// their store filled in. It is made by [`Events::run`](crate::Events::run), which also ends it.
///
/// INVARIANT: events leave it in the order in which they were raised, however they were raised;
/// but for [`raise_at`](Tx::raise_at) and [`raise`](Raise::raise) through it on another thread, or
/// inside a [`capture`](crate::capture), which cannot see what came before without its name.
pub struct Tx<S: Store> {
    application: Arc<Application<S>>,
    transaction: OpenTransaction<S>,
    origin: Arc<Origin>,
    /// Of the first event, and of all of its story.
    correlation_id: Option<CorrelationId>,
    last_id: Option<EventId>,
    /// The event whose handler runs now.
    cause: Option<Arc<Raised>>,
    /// Raised, not yet handled.
    queue: VecDeque<Queued>,
    /// Handled, or being handled, in the order of raising.
    done: Vec<Arc<Raised>>,
    /// The stored form of the first so many of them.
    envelopes: Vec<Envelope>,
    encoded: usize,
    /// Handlers that have begun and not succeeded. One that failed, or was dropped before its end,
    /// is counted for ever: nothing of this may be committed.
    unfinished: u32,
    /// How many savepoints are open.
    savepoints: u32,
    /// What aggregates recorded in it and nobody collected yet.
    ledger: Arc<Ledger>,
    /// Registered for this unit of work alone.
    handlers: Handlers<S>,
    after_commit: PlainHandlers,
    /// The events of what was dropped before its end, if anybody wants to know of them.
    wreckage: Option<Wreckage>,
    /// An empty scope to be used again.
    spare_scope: Option<Scope>,
}

/// What a durable handler's transaction records beside the effect.
pub(crate) struct Progress<'a> {
    pub(crate) subscription: &'a str,
    pub(crate) epoch: Epoch,
    pub(crate) changes: &'a [Change],
}

impl<S: Store> Tx<S> {
    pub(crate) async fn begin(
        application: &Arc<Application<S>>,
        origin: Arc<Origin>,
    ) -> Result<Self, Error> {
        let transaction = application.store.begin().await?;
        Ok(Self {
            application: Arc::clone(application),
            transaction: OpenTransaction::new(transaction),
            correlation_id: origin.correlation_id.clone(),
            origin,
            last_id: None,
            cause: None,
            queue: VecDeque::new(),
            done: Vec::new(),
            envelopes: Vec::new(),
            encoded: 0,
            unfinished: 0,
            savepoints: 0,
            ledger: Arc::default(),
            handlers: Handlers::default(),
            after_commit: PlainHandlers::default(),
            wreckage: (!application.after_rollback.is_empty()).then(Wreckage::default),
            spare_scope: None,
        })
    }

    /// Runs the user's work with the ambient scope open.
    pub(crate) async fn work<T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        for<'r> F: AsyncFnOnce(&'r mut Self) -> Result<T, E>
            + Call1<&'r mut Self, Future: Send, Returned = Result<T, E>>,
        E: From<Error>,
    {
        let scope = self.scope();
        let (result, scope) = Scoped::new(scope, || Box::pin(work(self))).await;
        self.close(scope);
        result
    }

    /// Lets `handler` run in this transaction for every `E` of this unit of work that is not handled
    /// yet, after the application's handlers. It goes with the unit of work.
    ///
    /// A state that it asks for and the application lacks is an error of its first call.
    pub fn on<E: Event, M>(&mut self, handler: impl IntoHandler<E, S, M>) {
        self.handlers.on::<E>(handler.into_handler().0);
    }

    /// As [`on`](Self::on), for every event of this unit of work, after the handlers of its type.
    pub fn on_any<M>(&mut self, handler: impl IntoHandler<AnyEvent, S, M>) {
        self.handlers.on_any(handler.into_handler().0);
    }

    /// Lets `handler` run after this commit, if it succeeds, for every `E` of this unit of work; see
    /// [`Builder::after_commit`](crate::Builder::after_commit). It goes with the unit of work.
    pub fn after_commit<E: Event, M>(&mut self, handler: impl IntoPlainHandler<E, M>) {
        self.after_commit.add::<E>(handler.into_plain_handler().0);
    }

    /// Runs `work` as part of this unit of work: dropped before its end, it takes the unit of work
    /// with it. [`service`](crate::service) joins in this way.
    pub async fn join<T, F>(&mut self, work: F) -> T
    where
        for<'r> F: AsyncFnOnce(&'r mut Self) -> T + Call1<&'r mut Self, Future: Send, Returned = T>,
    {
        self.unfinished += 1;
        let value = work(self).await;
        self.unfinished -= 1;
        value
    }

    /// Takes over the events that `aggregate` recorded.
    pub fn collect(&mut self, aggregate: &mut impl Recorded) {
        self.absorb();
        let events = aggregate.pending().take();
        self.enqueue(events);
    }

    /// Runs the in-transaction handlers of everything raised so far, cascades included, for code
    /// whose next line needs their effect. The end of the unit of work does it anyway.
    ///
    /// # Errors
    /// [`ErrorKind::Handler`] and [`ErrorKind::Cascade`]. The unit of work can then only be rolled
    /// back: whatever it returns, it fails as [`ErrorKind::Abandoned`]. So it does if this future is
    /// dropped before its end.
    pub async fn flush(&mut self) -> Result<(), Error> {
        self.absorb();
        if self.queue.is_empty() {
            return Ok(());
        }
        let scope = self.scope();
        let (result, scope) = Scoped::new(scope, || Box::pin(self.handle_queued())).await;
        self.close(scope);
        result
    }

    /// Runs everything that users wrote and that comes before the append: handlers, and the
    /// encoding of what was raised.
    pub(crate) async fn prepare(&mut self) -> Result<(), Error> {
        if self.unfinished > 0 {
            return Err(abandoned());
        }
        self.flush().await?;
        verify_collected(&self.ledger)?;
        self.encode()
    }

    /// ORDERING: handlers, append, progress, COMMIT. The append is last of what other transactions
    /// can wait for, so that the order of the log is the order in which row locks were got; the
    /// fence comes right before COMMIT.
    ///
    /// CANCEL-SAFE: until COMMIT is sent it rolls back; from then on it is finished.
    pub(crate) async fn commit(mut self, progress: Option<Progress<'_>>) -> Result<(), Error> {
        self.prepare().await?;
        let application = Arc::clone(&self.application);
        let envelopes = std::mem::take(&mut self.envelopes);
        let transaction = self.transaction.get_mut();
        // One way to the database less for an entry: the progress verifies the transaction too.
        if !envelopes.is_empty() || progress.is_none() {
            application.store.append(transaction, &envelopes).await?;
        }
        if let Some(Progress { subscription, epoch, changes }) = progress {
            application.store.record(transaction, subscription, epoch, changes).await?;
        }
        let (transaction, aftermath) = (self.transaction.take()?, self.aftermath());
        Rescue::new(async move {
            let committed = application.store.commit(transaction).await;
            match &committed {
                Ok(()) if envelopes.is_empty() => aftermath.committed(),
                Ok(()) => {
                    application.appended.notify_one();
                    aftermath.committed();
                }
                Err(_) => aftermath.rolled_back(),
            }
            committed
        })
        .await
    }

    pub(crate) async fn rollback(mut self) -> Result<(), Error> {
        let transaction = self.transaction.take()?;
        self.application.store.rollback(transaction).await
    }

    /// Calls the handler of an entry.
    ///
    /// CANCEL-SAFE: dropped before its end, the unit of work can only be rolled back.
    pub(crate) async fn call(
        &mut self,
        handler: &BoxedHandler<S>,
        event: &AnyEvent,
        meta: &Meta,
    ) -> Result<(), Error> {
        self.unfinished += 1;
        let (scope, states) = (self.scope(), Arc::clone(&self.application.states));
        let call = Scoped::new(scope, || handler.call(event, meta, &states, self));
        let (result, scope) = call.await;
        self.close(scope);
        result.map_err(|source| Error::handler(handler.name(), event.event_type(), source))?;
        self.unfinished -= 1;
        Ok(())
    }

    fn scope(&mut self) -> Scope {
        self.spare_scope.take().unwrap_or_else(|| {
            let (clock, ledger) = (self.application.clock.clone(), Arc::clone(&self.ledger));
            Scope::in_transaction(clock, ledger).leaving(self.wreckage.clone())
        })
    }

    /// Takes over what was raised in `scope`, and keeps it for the next one.
    fn close(&mut self, mut scope: Scope) {
        self.enqueue(scope.drain());
        self.spare_scope = Some(scope);
    }

    /// Takes over what a handler without a transaction raised.
    pub(crate) fn absorb_outside(
        &mut self,
        mut scope: Scope,
        ledger: &Ledger,
    ) -> Result<(), Error> {
        self.enqueue(scope.drain());
        verify_collected(ledger)
    }

    /// CANCEL-SAFE: dropped before its end, the unit of work can only be rolled back.
    async fn handle_queued(&mut self) -> Result<(), Error> {
        let application = Arc::clone(&self.application);
        while let Some(queued) = self.queue.pop_front() {
            let raised = self.describe(queued);
            self.done.push(Arc::clone(&raised));
            let of_application = application.handlers.of(&raised.event);
            let of_this_one = self.handlers.of(&raised.event).concat();
            self.unfinished += 1;
            check_depth(&raised)?;
            let outer = self.cause.replace(Arc::clone(&raised));
            for handler in of_application.into_iter().flatten().chain(&of_this_one) {
                let Raised { event, meta, .. } = &*raised;
                let result = match handler.call(event, meta, &application.states, self) {
                    Call::Running(work) => work.await,
                    Call::Ended(result) => result,
                };
                if let Err(source) = result {
                    self.absorb();
                    return Err(Error::handler(handler.name(), event.event_type(), source));
                }
            }
            self.absorb();
            self.cause = outer;
            self.unfinished -= 1;
        }
        Ok(())
    }

    /// Takes over what was raised without naming this unit of work, so that order is kept.
    fn absorb(&mut self) {
        let events = scope::take_raised();
        if !events.is_empty() {
            self.enqueue(events);
        }
    }

    fn enqueue(&mut self, events: impl IntoIterator<Item = AnyEvent>) {
        let cause = &self.cause;
        self.queue.extend(events.into_iter().map(|event| Queued { event, cause: cause.clone() }));
    }

    fn describe(&mut self, queued: Queued) -> Arc<Raised> {
        let id = self.last_id.map_or_else(EventId::now, EventId::next);
        self.last_id = Some(id);
        let story = self.correlation_id.get_or_insert_with(|| id.into());
        let (origin, story) = (&self.origin, story.clone());
        Arc::new(queued.described_by(|event| Meta::continuing(origin, event, id, story)))
    }

    /// Encodes what is handled and not encoded yet.
    fn encode(&mut self) -> Result<(), Error> {
        for raised in &self.done[self.encoded..] {
            if !raised.event.is_local() {
                self.application.handlers.check_name(&raised.event)?;
                check_hops(&raised.meta)?;
                self.envelopes.push(raised.event.to_envelope(&raised.meta)?);
            }
        }
        self.encoded = self.done.len();
        Ok(())
    }

    /// Takes everything that its end concerns out of the unit of work.
    fn aftermath(&mut self) -> Aftermath<S> {
        let mut events = std::mem::take(&mut self.done);
        for queued in std::mem::take(&mut self.queue) {
            events.push(self.describe(queued));
        }
        let after_commit = std::mem::take(&mut self.after_commit);
        Aftermath { application: Arc::clone(&self.application), events, after_commit }
    }
}

/// A unit of work that did not commit, however it came to that, is followed by what ensues after a
/// rollback. The connection rolls back before it serves anybody else.
impl<S: Store> Drop for Tx<S> {
    fn drop(&mut self) {
        self.ledger.void_after(0);
        if let Some(wreckage) = self.wreckage.take() {
            self.enqueue(wreckage.take());
            self.aftermath().rolled_back();
        }
    }
}

impl<S: Store> Raise for Tx<S> {
    fn raise<E: Event>(&mut self, event: E) {
        let now = self.application.clock.now();
        self.raise_at(event, now);
    }
}

impl<S: Store> Tx<S> {
    /// As [`Raise::raise`], of something that happened at `occurred_at`.
    pub fn raise_at<E: Event>(&mut self, event: E, occurred_at: Timestamp) {
        self.absorb();
        self.enqueue([AnyEvent::new(event, occurred_at)]);
    }
}

impl<S: Store> Deref for Tx<S> {
    type Target = S::Connection;

    fn deref(&self) -> &S::Connection {
        self.transaction.get()
    }
}

impl<S: Store> DerefMut for Tx<S> {
    fn deref_mut(&mut self) -> &mut S::Connection {
        self.transaction.get_mut()
    }
}

fn abandoned() -> Error {
    Error::new(
        ErrorKind::Abandoned,
        "a handler of this unit of work failed, or was dropped before its end; everything is \
         rolled back",
    )
}

fn verify_collected(ledger: &Ledger) -> Result<(), Error> {
    let types = ledger.uncollected();
    if types.is_empty() {
        return Ok(());
    }
    let types = types.join("`, `");
    Err(Error::new(
        ErrorKind::Uncollected,
        format!("`{types}` was recorded in a `Pending` and never collected; call `tx.collect(…)`"),
    ))
}
