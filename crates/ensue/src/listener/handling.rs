//! Doing one piece of work: handling messages in one transaction, or burying one.

use std::collections::HashSet;
use std::sync::Arc;

use ensue_core::scope::{Ledger, Scope, Scoped};
use ensue_core::{AnyEvent, EventId, Meta, Origin, Timestamp};
use tokio::time::Instant;

use super::builder::Consumer;
use super::intake::{Attempt, Kind, Upon};
use super::parcel::Parcel;
use crate::events::Application;
use crate::forwarder::delivery::{
    Guard, Undelivered, as_failure, of_all, of_handler, sort, undecodable,
};
use crate::handler::{BoxedHandler, PlainHandler};
use crate::subscription::{Failure, FailureClass, Verdict};
use crate::{DeadLetter, Error, Store, Tx};

/// Whose messages are handled, in which application.
pub(super) struct Handling<S: Store> {
    pub(super) application: Arc<Application<S>>,
    pub(super) consumer: Arc<Consumer<S>>,
}

/// Of each message whether it was new; or nothing of the piece is left.
pub(super) type Handled = Result<Vec<bool>, Unhandled>;

pub(super) enum Unhandled {
    /// The message at this place of the piece has failed.
    Failed { at: usize, failed: Box<(Failure, Verdict)> },
    /// All of it, nobody knows by which.
    Refused(Failure),
    /// All of it took too long before the message at this place.
    Overdue { at: usize },
    /// The database refused the dead letter, and will refuse it again.
    Unburied(Error),
    /// The database could not be reached, or nobody knows whether it has committed.
    Interrupted { error: Error, upon: Upon },
}

/// An event, and who handles it.
pub(super) struct Opened<'c, S: Store> {
    pub(super) handler: &'c BoxedHandler<S>,
    pub(super) event: AnyEvent,
    pub(super) meta: Meta,
}

impl<S: Store> Clone for Handling<S> {
    fn clone(&self) -> Self {
        let Self { application, consumer } = self;
        Self { application: Arc::clone(application), consumer: Arc::clone(consumer) }
    }
}

impl<S: Store> Handling<S> {
    /// How a message can be handled.
    pub(super) fn kind_of(&self, parcel: &Parcel) -> Kind {
        let event_type = parcel.event_type();
        let handler = self.consumer.reaction(event_type).map(|reaction| &reaction.handler);
        match (parcel.event(), handler) {
            _ if handler.is_none()
                && parcel.message.is_ok()
                && self.consumer.passes(event_type) =>
            {
                Kind::PassedBy
            }
            (Err(why), _) => Kind::Doomed(Failure::new(FailureClass::Unreadable, why)),
            (Ok(_), Some(BoxedHandler::InTransaction { .. })) => Kind::Together,
            (Ok(_), Some(BoxedHandler::Plain(_))) => Kind::Alone,
            (Ok(_), None) => Kind::Doomed(self.unknown_type(event_type)),
        }
    }

    /// Handles messages one after the other in one transaction, those in a row that a batch handler takes
    /// with one call.
    ///
    /// ORDERING: receipts first, in one round trip, so that what is handled twice at once waits here; the
    /// events of each message are described before the next one is handled, as they continue its story.
    ///
    /// CANCEL-SAFE: dropped, the transaction rolls back, unless its COMMIT was sent.
    pub(super) async fn together(&self, parcels: &[Arc<Parcel>]) -> Handled {
        let (mut tx, began) = (self.begin().await?, Instant::now());
        let ids: Vec<_> = parcels.iter().map(|parcel| parcel.id).collect();
        let mut new = self.note(&mut tx, &ids).await?;
        let are_new: Vec<_> = ids.iter().map(|id| new.remove(id)).collect();
        let mut at = 0;
        for run in parcels.chunk_by(|one, next| self.is_one_batch(one, next)) {
            if at > 0 && began.elapsed() >= self.consumer.deadline_in_transaction() {
                return Err(self.undo(tx, Unhandled::Overdue { at }).await);
            }
            if let Err(error) = self.handle_run(&mut tx, run, &are_new[at..]).await {
                return Err(self.undo(tx, error.at(at)).await);
            }
            if parcels.len() > 1 && tx.has_handlers_of_its_own() {
                return Err(self.undo(tx, Unhandled::Refused(registered_others())).await);
            }
            at += run.len();
        }
        commit(tx, are_new).await
    }

    fn is_one_batch(&self, one: &Parcel, next: &Parcel) -> bool {
        let [one, next] = [one, next].map(|parcel| self.consumer.reaction(parcel.event_type()));
        one.zip(next).is_some_and(|(one, next)| one.is_batch() && std::ptr::eq(one, next))
    }

    /// Of several that fail together nobody knows which of them it was.
    async fn handle_run(
        &self,
        tx: &mut Tx<S>,
        run: &[Arc<Parcel>],
        are_new: &[bool],
    ) -> Result<(), Unhandled> {
        let new = run.iter().zip(are_new).filter(|(_, is_new)| **is_new);
        let new: Vec<_> = new.map(|(parcel, _)| &**parcel).collect();
        if new.is_empty() {
            return Ok(());
        }
        let handled = async {
            let opened = self.open(&new, 1).await?;
            self.handle(tx, &opened).await
        };
        match handled.await {
            Err(Unhandled::Failed { failed, .. }) if run.len() > 1 => {
                Err(Unhandled::Refused(failed.0))
            }
            handled => handled,
        }
    }

    /// Handles one message, and says which attempt it was. That of a suspect is recorded before.
    ///
    /// CANCEL-SAFE: as [`together`](Self::together); what was recorded stays.
    pub(super) async fn alone(&self, parcel: &Parcel, attempt: Attempt) -> (u32, Handled) {
        let number = match attempt {
            Attempt::Number(number) => return (number, self.one(parcel, number, None).await),
            Attempt::Recorded(number) => number,
            Attempt::ToRecord => match self.store().suspect(&self.consumer.name, parcel.id).await {
                Ok(None) => return (0, Ok(vec![false])),
                Ok(Some(number)) if self.is_one_too_many(number) => {
                    // The count includes messages given up without an attempt and not buried in time.
                    let attempts = (number - 1).min(self.consumer.retry_policy.attempts_max());
                    return (attempts, Err(Unhandled::failed(crashed(attempts), Verdict::Never)));
                }
                Ok(Some(number)) => number,
                Err(error) => return (0, Err(interrupted(error))),
            },
        };
        (number, self.one(parcel, number, Some(number)).await)
    }

    fn is_one_too_many(&self, attempt: u32) -> bool {
        attempt > 1 && !self.consumer.retry_policy.allows_more_than(attempt - 1)
    }

    /// `recorded` if the attempt is on record: it has not begun before the handler is called.
    async fn one(&self, parcel: &Parcel, attempt: u32, recorded: Option<u32>) -> Handled {
        // The attempt has not begun, whether it is on record or not.
        let before = |error: Unhandled| error.upon(Upon::Nothing { recorded });
        let opened = self.open(&[parcel], attempt).await?;
        if let BoxedHandler::Plain(handler) = opened.handler {
            let has_noted = self.store().has_noted(&self.consumer.name, parcel.id).await;
            return match has_noted.map_err(interrupted).map_err(before)? {
                true => Ok(vec![false]),
                false => self.one_outside(parcel.id, handler, &opened).await,
            };
        }
        let mut tx = self.begin().await.map_err(before)?;
        let is_new = !self.note(&mut tx, &[parcel.id]).await.map_err(before)?.is_empty();
        if is_new && let Err(error) = self.handle(&mut tx, &opened).await {
            return Err(self.undo(tx, error).await);
        }
        commit(tx, vec![is_new]).await
    }

    /// No transaction is open while the handler talks to the outside; the receipt comes after it.
    async fn one_outside(
        &self,
        id: EventId,
        handler: &PlainHandler,
        opened: &Opened<'_, S>,
    ) -> Handled {
        let (scope, ledger) = self.call_outside(handler, opened).await?;
        // Counts as an attempt: if only this step fails, the handler would call the outside for ever.
        let after = |error: Unhandled| error.upon(Upon::Handling { at: 0 });
        let mut tx = self.begin().await.map_err(after)?;
        let is_new = !self.note(&mut tx, &[id]).await.map_err(after)?.is_empty();
        if is_new {
            self.absorb(&mut tx, opened, scope, &ledger).await?;
        }
        commit(tx, vec![is_new]).await
    }

    /// A handler's error may be that the database has gone: then not even the rollback gets through. A
    /// handler that was dropped half-way may have left a statement under way, which is not waited for.
    async fn undo(&self, tx: Tx<S>, error: Unhandled) -> Unhandled {
        let upon = match &error {
            Unhandled::Failed { at, failed } if failed.0.class == FailureClass::Handler => {
                Upon::Handling { at: *at }
            }
            Unhandled::Refused(failure) if failure.class == FailureClass::Handler => Upon::Whole,
            Unhandled::Overdue { .. } => Upon::Nothing { recorded: None },
            _ => return error,
        };
        let rollback = tokio::time::timeout(self.consumer.deadline_in_transaction(), tx.rollback());
        match rollback.await {
            Ok(Err(error)) => Unhandled::Interrupted { error, upon },
            Ok(Ok(())) | Err(_) => error,
        }
    }

    pub(super) async fn call_outside(
        &self,
        handler: &PlainHandler,
        Opened { event, meta, .. }: &Opened<'_, S>,
    ) -> Result<(Scope, Arc<Ledger>), Unhandled> {
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
        let deadline = self.consumer.deadline_of_plain();
        let scope = Guard { handler: handler.description.name, deadline }.run(call).await?;
        Ok((scope, ledger))
    }

    /// Lets ensue in the transaction what a handler without one has raised.
    pub(super) async fn absorb(
        &self,
        tx: &mut Tx<S>,
        Opened { handler, meta, .. }: &Opened<'_, S>,
        scope: Scope,
        ledger: &Ledger,
    ) -> Result<(), Unhandled> {
        tx.turn_to(Origin::handling(meta));
        let ensuing = async {
            tx.absorb_outside(scope, ledger).map_err(as_failure)?;
            tx.prepare().await.map_err(as_failure)
        };
        Ok(self.guard(handler).run(ensuing).await?)
    }

    pub(super) async fn handle(
        &self,
        tx: &mut Tx<S>,
        Opened { handler, event, meta }: &Opened<'_, S>,
    ) -> Result<(), Unhandled> {
        tx.turn_to(Origin::handling(meta));
        let call = async {
            tx.call(handler, event, meta).await.map_err(as_failure)?;
            tx.prepare().await.map_err(as_failure)
        };
        Ok(self.guard(handler).run(call).await?)
    }

    /// The event of a message, or the batch of those of several, and its handler.
    pub(super) async fn open(
        &self,
        parcels: &[&Parcel],
        attempt: u32,
    ) -> Result<Opened<'_, S>, Unhandled> {
        let unreadable = |why: &str| {
            Unhandled::failed(Failure::new(FailureClass::Unreadable, why), Verdict::Never)
        };
        let mut envelopes = Vec::with_capacity(parcels.len());
        for parcel in parcels {
            let message = parcel.event().map_err(|why| unreadable(&why))?;
            envelopes.push((message.envelope.clone(), message.envelope.meta(attempt)));
        }
        let Some(meta) = of_all(&envelopes) else { return Err(unreadable("there is nothing")) };
        let Some(reaction) = self.consumer.reaction(&meta.event_type) else {
            return Err(Unhandled::failed(self.unknown_type(&meta.event_type), Verdict::Never));
        };
        let decoding = async { reaction.decode(envelopes).transpose().map_err(undecodable) };
        match self.guard(&reaction.handler).run(decoding).await? {
            Some(event) => Ok(Opened { handler: &reaction.handler, event, meta }),
            None => Err(unreadable("there is nothing to decode")),
        }
    }

    /// Stores a message as a dead letter, with up to `bytes` of its body, in the transaction of its
    /// receipt.
    ///
    /// CANCEL-SAFE: as [`together`](Self::together).
    pub(super) async fn bury(
        &self,
        parcel: &Parcel,
        failure: Failure,
        attempts: u32,
        bytes: usize,
    ) -> Handled {
        let mut tx = self.begin().await?;
        let is_new = !self.note(&mut tx, &[parcel.id]).await?.is_empty();
        if is_new {
            let (id, message) = (parcel.id, parcel.message.clone());
            let died_at = Timestamp::from_micros(0);
            let letter = DeadLetter { id, message, cut: None, failure, attempts, died_at };
            tx.bury(&self.consumer.name, &letter.cut_to(bytes)).await.map_err(unburied)?;
        }
        match commit(tx, vec![is_new]).await {
            Err(Unhandled::Failed { failed, .. }) => {
                Err(unburied(Error::store("cannot store the dead letter", failed.0.message, false)))
            }
            ended => ended,
        }
    }

    async fn note(&self, tx: &mut Tx<S>, ids: &[EventId]) -> Result<HashSet<EventId>, Unhandled> {
        let new = tx.note(&self.consumer.name, ids).await.map_err(interrupted)?;
        Ok(new.into_iter().collect())
    }

    async fn begin(&self) -> Result<Tx<S>, Unhandled> {
        let tx = Tx::begin(&self.application, Arc::default()).await;
        tx.map_err(interrupted)
    }

    /// Around what runs in a transaction.
    fn guard(&self, handler: &BoxedHandler<S>) -> Guard {
        Guard { handler: handler.name(), deadline: self.consumer.deadline_in_transaction() }
    }

    pub(super) fn store(&self) -> &S {
        &self.application.store
    }

    fn unknown_type(&self, event_type: &str) -> Failure {
        let consumer = &self.consumer.name;
        let message = format!(
            "listener `{consumer}` has no handler for event `{event_type}`; handle it, give the event \
             that took its place an alias, or say `passes_by`"
        );
        Failure::new(FailureClass::UnknownType, message)
    }
}

/// They would be those of the other messages too: each is handled in a unit of work of its own.
fn registered_others() -> Failure {
    Failure::new(FailureClass::Handler, "a handler has registered others, for its message alone")
}

/// Of messages that were all handled before there is nothing to commit.
async fn commit<S: Store>(tx: Tx<S>, are_new: Vec<bool>) -> Handled {
    if !are_new.contains(&true) {
        tx.rollback().await.map_err(interrupted)?;
        return Ok(are_new);
    }
    match tx.commit(None).await.map_err(sort) {
        Ok(()) => Ok(are_new),
        Err(Undelivered::Failed(failed)) if are_new.len() > 1 => Err(Unhandled::Refused(failed.0)),
        Err(Undelivered::Failed(failed)) => Err(Unhandled::Failed { at: 0, failed }),
        Err(Undelivered::Lost(error) | Undelivered::Interrupted(error)) => {
            Err(Unhandled::Interrupted { error, upon: Upon::Whole })
        }
    }
}

/// Before anything was done that may be why.
pub(super) fn interrupted(error: Error) -> Unhandled {
    Unhandled::Interrupted { error, upon: Upon::Nothing { recorded: None } }
}

/// The error for a dead letter that the database refused after it accepted the receipt in the same
/// transaction.
fn unburied(error: Error) -> Unhandled {
    match error.is_retryable() {
        true => Unhandled::Interrupted { error, upon: Upon::Whole },
        false => Unhandled::Unburied(error),
    }
}

fn crashed(attempts: u32) -> Failure {
    let message = format!(
        "{attempts} attempts began and ended with the process or its session, or failed; each was recorded"
    );
    Failure::new(FailureClass::Crash, message)
}

impl Unhandled {
    fn failed(failure: Failure, verdict: Verdict) -> Self {
        Self::Failed { at: 0, failed: Box::new((failure, verdict)) }
    }

    fn at(self, place: usize) -> Self {
        match self {
            Self::Failed { failed, .. } => Self::Failed { at: place, failed },
            other => other,
        }
    }

    /// What has failed, if anything has.
    ///
    /// # Errors
    /// The database's, whose attempt does not count.
    pub(super) fn into_failure(self) -> Result<Failure, Error> {
        match self {
            Self::Failed { failed, .. } => Ok(failed.0),
            Self::Refused(failure) => Ok(failure),
            Self::Overdue { .. } => Ok(Failure::new(FailureClass::Deadline, "it took too long")),
            Self::Unburied(error) | Self::Interrupted { error, .. } => Err(error),
        }
    }

    fn upon(self, upon: Upon) -> Self {
        match self {
            Self::Interrupted { error, .. } => Self::Interrupted { error, upon },
            other => other,
        }
    }
}

impl From<Undelivered> for Unhandled {
    fn from(error: Undelivered) -> Self {
        match error {
            Undelivered::Failed(failed) => Self::Failed { at: 0, failed },
            Undelivered::Lost(error) | Undelivered::Interrupted(error) => interrupted(error),
        }
    }
}
