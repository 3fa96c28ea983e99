//! One attempt at handling one entry.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use ensue_core::scope::{Scope, Scoped};
use ensue_core::{AnyEvent, Entry, Meta, PayloadError};
use futures_util::FutureExt;
use tokio::time::timeout;

use crate::cascade::Origin;
use crate::events::Application;
use crate::handler::{BoxedHandler, PlainCall};
use crate::subscription::{Change, Epoch, Failure, FailureClass, Subscription};
use crate::tx::Progress;
use crate::{Error, ErrorKind, Store, Tx};

/// Why an entry was not handled; either way nothing of the attempt is left in the database.
pub(crate) enum Undelivered {
    /// The attempt counts.
    Failed(Failure),
    /// It does not: the database failed, or this process owns the subscription no more.
    Interrupted(Error),
}

/// The owner's place: whose entries it handles, and in which term.
pub(crate) struct Delivery<'a, S: Store> {
    pub(crate) application: &'a Arc<Application<S>>,
    pub(crate) subscription: &'a Subscription<S>,
    pub(crate) epoch: Epoch,
}

impl<S: Store> Delivery<'_, S> {
    /// Handles `entry`, and records `changes` in the transaction of the effect.
    ///
    /// CANCEL-SAFE: dropped, the transaction rolls back, unless its COMMIT was sent.
    pub(crate) async fn deliver(
        &self,
        entry: Entry,
        attempt: u32,
        changes: &[Change],
    ) -> Result<(), Undelivered> {
        let meta = entry.meta(attempt);
        let Some(reaction) = self.subscription.reaction(&meta.event_type) else {
            // Set aside by an earlier build of the program, which had a handler for it.
            return Err(Undelivered::Failed(unhandled(&meta)));
        };
        let decoding = async { reaction.decode(entry.envelope).map_err(undecodable) };
        let event = self.guard(&reaction.handler, decoding).await?;
        let tx = match reaction.handler.as_plain() {
            Some(plain) => self.handle_outside(plain, &reaction.handler, &event, &meta).await?,
            None => self.handle_inside(&reaction.handler, &event, &meta).await?,
        };
        tx.commit(Some(self.progress(changes))).await.map_err(sort)
    }

    /// Records `changes` that go with no effect.
    pub(crate) async fn record(&self, changes: &[Change]) -> Result<(), Error> {
        let tx = Tx::begin(self.application, Origin::default()).await?;
        tx.commit(Some(self.progress(changes))).await
    }

    fn progress<'c>(&'c self, changes: &'c [Change]) -> Progress<'c> {
        Progress { subscription: &self.subscription.name, epoch: self.epoch, changes }
    }

    /// No transaction is open while the handler talks to the outside.
    async fn handle_outside(
        &self,
        plain: &dyn PlainCall,
        handler: &BoxedHandler<S>,
        event: &AnyEvent,
        meta: &Meta,
    ) -> Result<Tx<S>, Undelivered> {
        let call = async {
            let scope = Scope::without_transaction(self.application.clock.clone());
            let call = plain.call(event, meta, &self.application.states);
            let (result, scope) = Scoped::new(scope, call).await;
            result.map_err(|error| Failure::new(FailureClass::Handler, chain(&*error)))?;
            Ok(scope)
        };
        let scope = self.guard(handler, call).await?;
        let mut tx = self.begin(meta).await?;
        let ensuing = async {
            tx.absorb_scope(scope).map_err(as_failure)?;
            tx.flush().await.map_err(as_failure)
        };
        self.guard(handler, ensuing).await?;
        Ok(tx)
    }

    async fn handle_inside(
        &self,
        handler: &BoxedHandler<S>,
        event: &AnyEvent,
        meta: &Meta,
    ) -> Result<Tx<S>, Undelivered> {
        let mut tx = self.begin(meta).await?;
        let call = async {
            tx.call(handler, event, meta).await.map_err(as_failure)?;
            tx.flush().await.map_err(as_failure)
        };
        self.guard(handler, call).await?;
        Ok(tx)
    }

    async fn begin(&self, meta: &Meta) -> Result<Tx<S>, Undelivered> {
        let tx = Tx::begin(self.application, Origin::handling(meta)).await;
        tx.map_err(Undelivered::Interrupted)
    }

    /// A panic or a passed deadline is a failure like any other.
    async fn guard<T>(
        &self,
        handler: &BoxedHandler<S>,
        call: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Undelivered> {
        let deadline = self.subscription.deadline_of(handler);
        let ended = timeout(deadline, AssertUnwindSafe(call).catch_unwind()).await;
        let result = match ended {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(Failure::new(FailureClass::Panic, words(&*panic))),
            Err(_) => {
                let message = format!("`{}` took longer than {deadline:?}", handler.name);
                Err(Failure::new(FailureClass::Deadline, message))
            }
        };
        result.map_err(Undelivered::Failed)
    }
}

/// A failure of the database interrupts; one of what was handed to it is the handler's.
fn sort(error: Error) -> Undelivered {
    match error.kind() {
        ErrorKind::Fenced => Undelivered::Interrupted(error),
        ErrorKind::Store if error.is_retryable() => Undelivered::Interrupted(error),
        _ => Undelivered::Failed(as_failure(error)),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that `map_err` takes")]
fn as_failure(error: Error) -> Failure {
    Failure::new(FailureClass::Handler, chain(&error))
}

fn undecodable(error: PayloadError) -> Failure {
    Failure::new(FailureClass::Undecodable, error)
}

fn unhandled(meta: &Meta) -> Failure {
    let message = format!("the subscription handles event `{}` no more", meta.event_type);
    Failure::new(FailureClass::Undecodable, message)
}

/// An error and what is behind it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut behind = error.source();
    while let Some(source) = behind {
        let source_words = source.to_string();
        // Many errors already speak for their source.
        if !words.contains(&source_words) {
            words = format!("{words}: {source_words}");
        }
        behind = source.source();
    }
    words
}

fn words(panic: &(dyn Any + Send)) -> String {
    let literal = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
    let formatted = || panic.downcast_ref::<String>().cloned();
    literal.or_else(formatted).unwrap_or_else(|| "a panic without words".to_owned())
}
