//! What becomes of dead letters, by the hand of an operator.

mod many;

use std::sync::Arc;
use std::time::Duration;

use ensue_core::{EventId, NameRule};

use super::Message;
use super::builder::Consumer;
use super::handling::{Handling, Opened, Unhandled, interrupted};
use super::parcel::Parcel;
use crate::events::Application;
use crate::forwarder::delivery::{Undelivered, sort};
use crate::handler::BoxedHandler;
use crate::subscription::Failure;
use crate::{DeadLetter, Error, Store, Tx};

pub use many::RetriedAll;

/// The messages that a [`Listener`](crate::Listener) could not handle, to be looked at, tried again, or
/// dropped.
///
/// ```
/// # use ensue::{Error, Events, Retried, Store};
/// # async fn example<S: Store>(events: Events<S>) -> Result<(), Error> {
/// let letters = events.dead_letters("refunds")?;
/// for letter in letters.list(None, 100).await? {
///     println!("{} died of {}: {}", letter.id, letter.failure.class, letter.failure.message);
///     if let Retried::Failed(failure) = letters.retry(letter.id).await? {
///         letters.drop(letter.id, &format!("for good: {}", failure.message)).await?;
///     }
/// }
/// # Ok(()) }
/// ```
pub struct DeadLetters<S: Store> {
    application: Arc<Application<S>>,
    consumer: Arc<Consumer<S>>,
}

/// What has come of trying a dead letter again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retried {
    /// It is handled, and a dead letter no more.
    Handled,
    /// It has failed again, and says so.
    Failed(Failure),
    /// It was not tried, for this reason: the database has only a part of its body.
    Refused(String),
    /// Another retry is calling its handler, or was when its process ended. In the second case you can
    /// retry the letter once that retry's hold has expired.
    UnderWay,
    /// There is none of that id, or not any more.
    Gone,
}

impl<S: Store> DeadLetters<S> {
    pub(crate) fn new(application: &Arc<Application<S>>, consumer: &Arc<Consumer<S>>) -> Self {
        Self { application: Arc::clone(application), consumer: Arc::clone(consumer) }
    }

    /// The first `limit` of them after the id `after`, in the order of their ids: of events of ensue
    /// that is the order of their raising, by the millisecond.
    ///
    /// # Errors
    /// The database's.
    pub async fn list(&self, after: Option<EventId>, limit: u32) -> Result<Vec<DeadLetter>, Error> {
        self.application.store.dead_letters(&self.consumer.name, after, limit).await
    }

    /// Handles the dead letter `id` here and now, as it would have been: with `&mut Tx` the effect and
    /// its being taken out are one transaction. Later messages of its key have been handled meanwhile. What
    /// was no event is read again, which another version may be able to.
    ///
    /// Only one retry at a time calls a handler that calls the outside: it holds the letter for the
    /// [deadline](crate::Listener::deadline) plus 30 seconds, by the database's clock.
    ///
    /// # Errors
    /// The database's; that it fails again is none.
    ///
    /// CANCEL-SAFE: dropped, it was handled or is still there.
    pub async fn retry(&self, id: EventId) -> Result<Retried, Error> {
        self.try_again(id, false).await
    }

    async fn try_again(&self, id: EventId, is_held: bool) -> Result<Retried, Error> {
        let Some((tx, letter)) = self.take_out(id).await? else { return Ok(Retried::Gone) };
        if let Some(cut) = &letter.cut {
            tx.rollback().await?;
            return Ok(Retried::Refused(cut.to_string()));
        }
        let DeadLetter { message, attempts, died_at, .. } = letter.clone();
        let message = message.or_else(|unreadable| unreadable.read_again(died_at));
        let (parcel, attempt) = (Parcel { id, message }, attempts.saturating_add(1));
        match self.handle(tx, &parcel, attempt, is_held).await {
            Ok(retried) => Ok(retried),
            Err(unhandled) => self.put_back(letter, unhandled.into_failure()?).await,
        }
    }

    /// Drops the dead letter `id` for good, for `reason`, which is kept beside it as long as a receipt
    /// would be. False if there is none.
    ///
    /// # Errors
    /// The database's.
    pub async fn drop(&self, id: EventId, reason: &str) -> Result<bool, Error> {
        NameRule::REASON.check(reason)?;
        let consumer = &self.consumer.name;
        let dropped = self.application.store.drop_dead_letter(consumer, id, reason).await?;
        if dropped {
            tracing::warn!(consumer, %id, reason, "dead letter dropped");
        }
        Ok(dropped)
    }

    async fn take_out(&self, id: EventId) -> Result<Option<(Tx<S>, DeadLetter)>, Error> {
        let mut tx = Tx::begin(&self.application, Arc::default()).await?;
        match tx.exhume(&self.consumer.name, id).await? {
            Some(letter) => Ok(Some((tx, letter))),
            None => tx.rollback().await.map(|()| None),
        }
    }

    async fn handle(
        &self,
        mut tx: Tx<S>,
        parcel: &Parcel,
        attempt: u32,
        is_held: bool,
    ) -> Result<Retried, Unhandled> {
        let (application, consumer) = (Arc::clone(&self.application), Arc::clone(&self.consumer));
        let handling = Handling { application, consumer };
        let opened = handling.open(&[parcel], attempt).await?;
        let is_new = self.is_new(&mut tx, parcel).await?;
        match opened.handler {
            _ if !is_new => {}
            BoxedHandler::InTransaction { .. } => handling.handle(&mut tx, &opened).await?,
            BoxedHandler::Plain(_) => {
                tx.rollback().await.map_err(interrupted)?;
                if !is_held
                    && let Some(refused) = self.hold(parcel.id).await.map_err(interrupted)?
                {
                    return Ok(refused);
                }
                match self.handle_outside(&handling, parcel, &opened).await? {
                    Some(finished) => tx = finished,
                    None => return Ok(Retried::Gone),
                }
            }
        }
        tx.commit(None).await.map_err(|error| Unhandled::from(sort(error)))?;
        Ok(Retried::Handled)
    }

    /// Holds the letter. Returns `None` on success, and otherwise the reason against it.
    async fn hold(&self, id: EventId) -> Result<Option<Retried>, Error> {
        let mut tx = Tx::begin(&self.application, Arc::default()).await?;
        if tx.hold(&self.consumer.name, id, self.lease()).await? {
            return tx.commit(None).await.map(|()| None);
        }
        let is_there = tx.exhume(&self.consumer.name, id).await?.is_some();
        tx.rollback().await?;
        Ok(Some(if is_there { Retried::UnderWay } else { Retried::Gone }))
    }

    fn lease(&self) -> Duration {
        self.consumer.deadline_of_plain().saturating_add(AFTER_A_CALL)
    }

    /// No transaction is open while the handler talks to the outside. Nothing if somebody else has taken
    /// it out meanwhile.
    async fn handle_outside(
        &self,
        handling: &Handling<S>,
        parcel: &Parcel,
        opened: &Opened<'_, S>,
    ) -> Result<Option<Tx<S>>, Unhandled> {
        let BoxedHandler::Plain(handler) = opened.handler else { return Ok(None) };
        let (scope, ledger) = handling.call_outside(handler, opened).await?;
        let taken = self.take_out(parcel.id).await.map_err(Undelivered::Interrupted)?;
        let Some((mut tx, _)) = taken else { return Ok(None) };
        if self.is_new(&mut tx, parcel).await? {
            handling.absorb(&mut tx, opened, scope, &ledger).await?;
        }
        Ok(Some(tx))
    }

    /// What was no event to who buried it is recognised by its source and id now that it is one, and may
    /// have arrived again, and been handled, since.
    async fn is_new(&self, tx: &mut Tx<S>, parcel: &Parcel) -> Result<bool, Unhandled> {
        match parcel.message.as_ref().map(Message::receipt_id) {
            Ok(id) if id != parcel.id => {
                tx.once(&self.consumer.name, id).await.map_err(interrupted)
            }
            Ok(_) | Err(_) => Ok(true),
        }
    }

    /// With what it has failed of now.
    async fn put_back(&self, letter: DeadLetter, failure: Failure) -> Result<Retried, Error> {
        let Some((mut tx, _)) = self.take_out(letter.id).await? else { return Ok(Retried::Gone) };
        let attempts = letter.attempts.saturating_add(1);
        let letter = DeadLetter { failure: failure.clone(), attempts, ..letter };
        tx.bury(&self.consumer.name, &letter).await?;
        tx.commit(None).await?;
        Ok(Retried::Failed(failure))
    }
}

/// LIMIT: time to take the letter out once its handler has returned.
const AFTER_A_CALL: Duration = Duration::from_secs(30);

impl<S: Store> std::fmt::Debug for DeadLetters<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeadLetters").field("consumer", &self.consumer.name).finish_non_exhaustive()
    }
}
