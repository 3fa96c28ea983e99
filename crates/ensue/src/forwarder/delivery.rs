//! One attempt at handling one entry.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use ensue_core::scope::{Ledger, Scope, Scoped};
use ensue_core::{AnyEvent, Entry, Meta, Origin, PayloadError};
use futures_util::FutureExt;
use tokio::time::timeout;

use crate::directed::verdict_of;
use crate::events::Application;
use crate::handler::{BoxedHandler, PlainHandler};
use crate::subscription::{
    Change, Epoch, Failure, FailureClass, Subscription, UnknownTypes, Verdict,
};
use crate::tx::Progress;
use crate::words::{chain, words_of};
use crate::{Error, ErrorKind, Store, Tx};

/// Which attempt it is.
#[derive(Clone, Copy)]
pub(crate) struct Attempt {
    /// Counted from 1.
    pub(crate) number: u32,
    pub(crate) is_replay: bool,
}

/// The reason why an entry was not handled.
pub(crate) enum Undelivered {
    /// The attempt counts, and left nothing in the database.
    Failed(Box<(Failure, Verdict)>),
    /// The attempt counts, but the database failed at the commit. The attempt itself may be the cause,
    /// for example with a value that exceeds the database's message size.
    /// If the error is [in doubt](ErrorKind::InDoubt), the commit may have succeeded all the same.
    Lost(Error),
    /// The attempt does not count: the database failed before it did anything, or this process no longer
    /// owns the subscription.
    Interrupted(Error),
}

impl Undelivered {
    pub(crate) fn failed(failure: Failure, verdict: Verdict) -> Self {
        Self::Failed(Box::new((failure, verdict)))
    }
}

/// The owner's place: whose entries it handles, and in which term.
pub(crate) struct Delivery<S: Store> {
    pub(crate) application: Arc<Application<S>>,
    pub(crate) subscription: Arc<Subscription<S>>,
    pub(crate) epoch: Epoch,
}

impl<S: Store> Clone for Delivery<S> {
    fn clone(&self) -> Self {
        let Self { application, subscription, epoch } = self;
        let (application, subscription) = (Arc::clone(application), Arc::clone(subscription));
        Self { application, subscription, epoch: *epoch }
    }
}

impl<S: Store> Delivery<S> {
    pub(crate) fn store(&self) -> &S {
        &self.application.store
    }

    /// Handles `entries`, which are one unless they are a batch, and records `changes` in the
    /// transaction of the effect.
    ///
    /// CANCEL-SAFE: dropped, the transaction rolls back, unless its COMMIT was sent.
    pub(crate) async fn deliver(
        &self,
        entries: Vec<Entry>,
        attempt: Attempt,
        changes: &[Change],
    ) -> Result<(), Undelivered> {
        let entries: Vec<_> = entries.into_iter().map(|entry| attempt.at(entry)).collect();
        // Of nothing, there is nothing to do.
        let Some(meta) = of_all(&entries) else { return Ok(()) };
        let Some(reaction) = self.subscription.reaction(&meta.event_type) else {
            return self.pass_unknown(entries, changes).await;
        };
        let guard = Guard {
            handler: reaction.handler.name(),
            deadline: self.subscription.deadline_of(&reaction.handler, self.lease()),
        };
        let envelopes = entries.into_iter().map(|(entry, meta)| (entry.envelope, meta)).collect();
        let decoding = async { reaction.decode(envelopes).transpose().map_err(undecodable) };
        let Some(event) = guard.run(decoding).await? else { return Ok(()) };
        let tx = match &reaction.handler {
            BoxedHandler::Plain(plain) => self.handle_outside(guard, plain, &event, &meta).await?,
            inside @ BoxedHandler::InTransaction { .. } => {
                self.handle_inside(guard, inside, &event, &meta).await?
            }
        };
        tx.commit(Some(self.progress(changes))).await.map_err(sort)
    }

    /// Of a type that only another program has a handler for.
    async fn pass_unknown(
        &self,
        entries: Vec<(Entry, Meta)>,
        changes: &[Change],
    ) -> Result<(), Undelivered> {
        let Some((entry, _)) = entries.first() else { return Ok(()) };
        if self.subscription.skips_unknown() {
            self.subscription.skip_unknown(entry.position, &entry.envelope.event_type);
            return self.record(changes).await.map_err(Undelivered::Interrupted);
        }
        let (failure, verdict) = self.unknown(entry);
        Err(Undelivered::failed(failure, verdict))
    }

    /// What becomes of it unless it is skipped.
    pub(super) fn unknown(&self, entry: &Entry) -> (Failure, Verdict) {
        let verdict = match self.subscription.unknown.policy {
            UnknownTypes::SetAside | UnknownTypes::Skip => Verdict::Again,
            UnknownTypes::Stop => Verdict::Stop,
        };
        (unknown_type(&entry.envelope.event_type), verdict)
    }

    /// Records `changes` that go with no effect.
    pub(crate) async fn record(&self, changes: &[Change]) -> Result<(), Error> {
        let tx = Tx::begin(&self.application, Arc::default()).await?;
        tx.commit(Some(self.progress(changes))).await
    }

    fn progress<'c>(&'c self, changes: &'c [Change]) -> Progress<'c> {
        Progress { subscription: &self.subscription.name, epoch: self.epoch, changes }
    }

    /// No transaction is open while the handler talks to the outside.
    async fn handle_outside(
        &self,
        guard: Guard,
        handler: &PlainHandler,
        event: &AnyEvent,
        meta: &Meta,
    ) -> Result<Tx<S>, Undelivered> {
        let ledger = Arc::<Ledger>::default();
        let call = async {
            let (clock, noted) = (self.application.clock.clone(), Arc::clone(&ledger));
            let scope = Scope::without_transaction(clock, noted);
            let states = &self.application.states;
            let call = Scoped::new(scope, || handler.call(event, meta, states));
            let (result, scope) = Origin::handling(meta).scope(call).await;
            result.map_err(|error| of_handler(&*error))?;
            Ok(scope)
        };
        let scope = guard.run(call).await?;
        // The handler has called the outside, and must not do so again and again.
        let mut tx = self.begin(meta).await.map_err(Undelivered::Lost)?;
        let ensuing = async {
            tx.absorb_outside(scope, &ledger).map_err(as_failure)?;
            tx.prepare().await.map_err(as_failure)
        };
        let deadline = self.subscription.deadline_in_transaction(self.lease());
        Guard { deadline, ..guard }.run(ensuing).await?;
        Ok(tx)
    }

    async fn handle_inside(
        &self,
        guard: Guard,
        handler: &BoxedHandler<S>,
        event: &AnyEvent,
        meta: &Meta,
    ) -> Result<Tx<S>, Undelivered> {
        let mut tx = self.begin(meta).await.map_err(Undelivered::Interrupted)?;
        let call = async {
            tx.call(handler, event, meta).await.map_err(as_failure)?;
            tx.prepare().await.map_err(as_failure)
        };
        guard.run(call).await?;
        Ok(tx)
    }

    fn lease(&self) -> Duration {
        self.application.forwarding.lease
    }

    async fn begin(&self, meta: &Meta) -> Result<Tx<S>, Error> {
        Tx::begin(&self.application, Arc::new(Origin::handling(meta))).await
    }
}

/// Around everything that users write: a panic or a passed deadline is a failure like any other.
#[derive(Clone, Copy)]
pub(crate) struct Guard {
    pub(crate) handler: &'static str,
    pub(crate) deadline: Duration,
}

impl Guard {
    pub(crate) async fn run<T>(
        self,
        work: impl Future<Output = Result<T, (Failure, Verdict)>>,
    ) -> Result<T, Undelivered> {
        let Self { handler, deadline } = self;
        // Unfinished work is dropped in here, too: a destructor may panic.
        let in_time = async move { timeout(deadline, work).await };
        let result = match AssertUnwindSafe(in_time).catch_unwind().await {
            Ok(Ok(result)) => result,
            Err(panic) => Err(again(Failure::new(FailureClass::Panic, words_of(&*panic)))),
            Ok(Err(_)) => {
                let message =
                    format!("`{handler}`, or what ensues from it, took over {deadline:?}");
                Err(again(Failure::new(FailureClass::Deadline, message)))
            }
        };
        result.map_err(|failed| Undelivered::Failed(Box::new(failed)))
    }
}

/// Classifies the error that prevented the commit, as far as it is known. The handler is responsible for
/// the statements it sent, and for a conflict with another transaction.
pub(crate) fn sort(error: Error) -> Undelivered {
    match error.kind() {
        ErrorKind::Fenced => Undelivered::Interrupted(error),
        ErrorKind::InDoubt => Undelivered::Lost(error),
        ErrorKind::Store if error.is_retryable() => Undelivered::Lost(error),
        _ => Undelivered::Failed(Box::new(as_failure(error))),
    }
}

/// The failure of an attempt that was not committed because the database failed.
pub(super) fn uncommitted(error: &Error) -> Failure {
    Failure::new(FailureClass::Commit, chain(error))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
pub(crate) fn as_failure(error: Error) -> (Failure, Verdict) {
    of_handler(&error)
}

pub(crate) fn of_handler(error: &(dyn std::error::Error + 'static)) -> (Failure, Verdict) {
    of_error(FailureClass::Handler, error)
}

pub(super) fn of_error(
    class: FailureClass,
    error: &(dyn std::error::Error + 'static),
) -> (Failure, Verdict) {
    (Failure::new(class, chain(error)), verdict_of(error))
}

fn again(failure: Failure) -> (Failure, Verdict) {
    (failure, Verdict::Again)
}

pub(crate) fn undecodable(error: PayloadError) -> (Failure, Verdict) {
    let class = match error.is_newer() {
        true => FailureClass::Newer,
        false => FailureClass::Undecodable,
    };
    again(Failure::new(class, error))
}

fn unknown_type(event_type: &str) -> Failure {
    let message = format!(
        "this program has no handler for event `{event_type}`, which the subscription handles, or once \
         did; give the event that took its place an alias, or say `passes_by`"
    );
    Failure::new(FailureClass::UnknownType, message)
}

impl Attempt {
    fn at(self, entry: Entry) -> (Entry, Meta) {
        let mut meta = entry.meta(self.number);
        meta.is_replay = self.is_replay;
        (entry, meta)
    }
}

/// What is said of all of them: what is said of the last, as far from the start of a story as any.
pub(crate) fn of_all<T>(entries: &[(T, Meta)]) -> Option<Meta> {
    let (_, last) = entries.last()?;
    let mut meta = last.clone();
    meta.hops = entries.iter().map(|(_, meta)| meta.hops).max()?;
    Some(meta)
}
