//! An open unit of work.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use ensue_core::scope::{self, Scope, Scoped};
use ensue_core::{AnyEvent, Envelope, Event, Meta, Raise, Recorded, Timestamp};

use crate::cascade::{Cause, HOPS_MAX, Origin};
use crate::events::Application;
use crate::handler::{BoxedHandler, Call1};
use crate::rescue::Rescue;
use crate::subscription::{Change, Epoch};
use crate::{Error, ErrorKind, Store};

/// An open unit of work: one database transaction and the events raised in it.
///
/// It derefs to the store's connection, so that statements run on `&mut **tx`, and it has no
/// lifetime, so that every signature is `tx: &mut Tx`. Store crates export it as an alias with
/// their store filled in. It is made by [`Events::run`](crate::Events::run), which also ends it.
///
/// INVARIANT: events leave it in the order in which they were raised, however they were raised.
pub struct Tx<S: Store> {
    application: Arc<Application<S>>,
    transaction: OpenTransaction<S>,
    origin: Origin,
    /// The event whose handler runs now.
    cause: Option<Arc<Cause>>,
    /// Raised, not yet handled.
    queue: VecDeque<Queued>,
    /// Handled, or being handled, in the order of raising.
    done: Vec<Option<(AnyEvent, Meta)>>,
    /// Handlers that have begun and not succeeded. One that failed, or was dropped before its end,
    /// is counted for ever: nothing of this may be committed.
    unfinished: u32,
}

struct Queued {
    event: AnyEvent,
    cause: Option<Arc<Cause>>,
}

/// What a durable handler's transaction records beside the effect.
pub(crate) struct Progress<'a> {
    pub(crate) subscription: &'a str,
    pub(crate) epoch: Epoch,
    pub(crate) changes: &'a [Change],
}

impl<S: Store> Tx<S> {
    /// CANCEL-SAFE: a BEGIN that is under way is finished, and rolled back, if the caller goes.
    pub(crate) async fn begin(
        application: &Arc<Application<S>>,
        origin: Origin,
    ) -> Result<Self, Error> {
        let store = application.store.clone();
        let transaction = Rescue::new(async move { store.begin().await }).await?;
        Ok(Self {
            application: Arc::clone(application),
            transaction: OpenTransaction(Some(transaction)),
            origin,
            cause: None,
            queue: VecDeque::new(),
            done: Vec::new(),
            unfinished: 0,
        })
    }

    /// Runs the user's work with the ambient scope open.
    pub(crate) async fn work<T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        for<'r> F: AsyncFnOnce(&'r mut Self) -> Result<T, E>
            + Call1<&'r mut Self, Future: Send, Returned = Result<T, E>>,
        E: From<Error>,
    {
        let scope = Scope::in_transaction(self.application.clock.clone());
        let (result, scope) = Scoped::new(scope, work(self)).await;
        let value = result?;
        self.absorb_scope(scope)?;
        Ok(value)
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
        while let Some(Queued { event, cause }) = self.queue.pop_front() {
            let meta = self.describe(&event, cause.as_deref());
            if let Some(cause) = &cause {
                self.check_depth(cause, &event)?;
            }
            let place = self.done.len();
            self.done.push(None);
            self.handle(&event, &meta, cause).await?;
            self.done[place] = Some((event, meta));
        }
        Ok(())
    }

    /// ORDERING: handlers, append, progress, COMMIT. The append is last of what other transactions
    /// can wait for, so that the order of the log is the order in which row locks were got; the
    /// fence comes right before COMMIT.
    ///
    /// CANCEL-SAFE: until COMMIT is sent it rolls back; from then on it is finished.
    pub(crate) async fn commit(mut self, progress: Option<Progress<'_>>) -> Result<(), Error> {
        self.flush().await?;
        if self.unfinished > 0 {
            return Err(abandoned());
        }
        let application = Arc::clone(&self.application);
        let envelopes = self.envelopes()?;
        let mut transaction = self.transaction.take()?;
        if !envelopes.is_empty() {
            application.store.append(&mut transaction, &envelopes).await?;
        }
        if let Some(Progress { subscription, epoch, changes }) = progress {
            application.store.record(&mut transaction, subscription, epoch, changes).await?;
        }
        Rescue::new(async move {
            application.store.commit(transaction).await?;
            if !envelopes.is_empty() {
                application.appended.notify_one();
            }
            Ok(())
        })
        .await
    }

    pub(crate) async fn rollback(mut self) -> Result<(), Error> {
        let transaction = self.transaction.take()?;
        self.application.store.rollback(transaction).await
    }

    /// Calls a handler and takes over what it raises, caused by what [`cause`](Self::cause) says, or
    /// by the entry that a durable handler handles.
    ///
    /// CANCEL-SAFE: dropped before its end, the unit of work can only be rolled back.
    pub(crate) async fn call(
        &mut self,
        handler: &BoxedHandler<S>,
        event: &AnyEvent,
        meta: &Meta,
    ) -> Result<(), Error> {
        self.unfinished += 1;
        let application = Arc::clone(&self.application);
        let scope = Scope::in_transaction(application.clock.clone());
        let call = handler.call(event, meta, &application.states, self);
        let (result, scope) = Scoped::new(scope, call).await;
        result.map_err(|source| Error::handler(handler.name(), event.event_type(), source))?;
        self.absorb_scope(scope)?;
        self.unfinished -= 1;
        Ok(())
    }

    /// Takes over what a handler without a transaction raised.
    pub(crate) fn absorb_scope(&mut self, scope: Scope) -> Result<(), Error> {
        match scope.finish() {
            Ok(events) => {
                self.enqueue(events);
                Ok(())
            }
            Err(types) => Err(uncollected(&types)),
        }
    }

    async fn handle(
        &mut self,
        event: &AnyEvent,
        meta: &Meta,
        cause: Option<Arc<Cause>>,
    ) -> Result<(), Error> {
        let application = Arc::clone(&self.application);
        let mut handlers = application.handlers.of(event).peekable();
        if handlers.peek().is_none() {
            return Ok(());
        }
        let outer = self.cause.replace(Arc::new(Cause::new(meta, cause)));
        for handler in handlers {
            self.call(handler, event, meta).await?;
        }
        self.cause = outer;
        Ok(())
    }

    /// Takes over what was raised without naming this unit of work, so that order is kept.
    fn absorb(&mut self) {
        self.enqueue(scope::take_raised());
    }

    fn enqueue(&mut self, events: Vec<AnyEvent>) {
        let cause = &self.cause;
        self.queue.extend(events.into_iter().map(|event| Queued { event, cause: cause.clone() }));
    }

    fn check_depth(&mut self, cause: &Cause, event: &AnyEvent) -> Result<(), Error> {
        let checked = cause.check_depth(event.event_type());
        self.unfinished += u32::from(checked.is_err());
        checked
    }

    fn describe(&mut self, event: &AnyEvent, cause: Option<&Cause>) -> Meta {
        let origin = &mut self.origin;
        let mut meta = Meta::of(event, origin.correlation_id.clone());
        origin.correlation_id.get_or_insert_with(|| meta.correlation_id.clone());
        meta.causation_id = cause.map(Cause::id).or(origin.causation_id);
        meta.hops = origin.hops;
        meta.trace_context.clone_from(&origin.trace_context);
        meta
    }

    fn envelopes(&mut self) -> Result<Vec<Envelope>, Error> {
        let stored = self.done.drain(..).flatten().filter(|(event, _)| !event.is_local());
        let mut envelopes = Vec::new();
        for (event, meta) in stored {
            self.application.handlers.check_name(&event)?;
            check_hops(&meta)?;
            envelopes.push(event.into_envelope(&meta)?);
        }
        Ok(envelopes)
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
        self.enqueue(vec![AnyEvent::new(event, occurred_at)]);
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

/// The transaction, there until `commit` or `rollback` takes it: they consume the [`Tx`].
struct OpenTransaction<S: Store>(Option<S::Transaction>);

impl<S: Store> OpenTransaction<S> {
    #[expect(clippy::expect_used, reason = "only what consumes the `Tx` takes it")]
    fn get(&self) -> &S::Connection {
        self.0.as_ref().expect("the transaction of an open unit of work")
    }

    #[expect(clippy::expect_used, reason = "only what consumes the `Tx` takes it")]
    fn get_mut(&mut self) -> &mut S::Connection {
        self.0.as_mut().expect("the transaction of an open unit of work")
    }

    fn take(&mut self) -> Result<S::Transaction, Error> {
        self.0.take().ok_or_else(abandoned)
    }
}

fn abandoned() -> Error {
    Error::new(
        ErrorKind::Abandoned,
        "a handler of this unit of work failed, or was dropped before its end; everything is \
         rolled back",
    )
}

fn uncollected(types: &[String]) -> Error {
    let types = types.join("`, `");
    Error::new(
        ErrorKind::Uncollected,
        format!("`{types}` was recorded in a `Pending` and never collected; call `tx.collect(…)`"),
    )
}

fn check_hops(meta: &Meta) -> Result<(), Error> {
    if meta.hops <= HOPS_MAX {
        return Ok(());
    }
    let event_type = &meta.event_type;
    Err(Error::new(
        ErrorKind::Cascade,
        format!("event `{event_type}` is more than {HOPS_MAX} commits from the start of its story"),
    ))
}
