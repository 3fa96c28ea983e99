//! Receipts and dead letters, in the transaction of the effect.

use std::sync::Arc;
use std::time::Duration;

use ensue_core::{EventId, NameRule, Origin};

use super::Tx;
use crate::{DeadLetter, Error, Store};

impl<S: Store> Tx<S> {
    /// Whether `consumer` has not handled the event before; from now on it has, if this unit of work
    /// commits. For who receives messages by hand; a [`Listener`](crate::Listener) does it by itself.
    ///
    /// ```
    /// # use ensue::{Error, EventId, Events, Store};
    /// # async fn example<S: Store>(events: &Events<S>, source: &str, id: &str) -> Result<(), Error> {
    /// events.run(async |tx| {
    ///     if tx.once("refunds", EventId::among_all(source, id)).await? {
    ///         // the effect
    ///     }
    ///     Ok::<_, Error>(())
    /// }).await
    /// # }
    /// ```
    ///
    /// What recognises an event is its id only among those of one source; among all it is
    /// [`EventId::among_all`], which is what a listener asks by too. Of two units of work at once one waits
    /// for the other. The receipt has to be kept for longer than
    /// the message can arrive again: see [`Events::forget_receipts`](crate::Events::forget_receipts).
    ///
    /// # Errors
    /// [`ErrorKind::Name`](crate::ErrorKind::Name) if `consumer` breaks the [rule](NameRule::LISTENER); the
    /// database's.
    pub async fn once(&mut self, consumer: &str, event: EventId) -> Result<bool, Error> {
        Ok(!self.note(consumer, &[event]).await?.is_empty())
    }

    /// Which of the events `consumer` had not handled before.
    pub(crate) async fn note(
        &mut self,
        consumer: &str,
        events: &[EventId],
    ) -> Result<Vec<EventId>, Error> {
        NameRule::LISTENER.check(consumer)?;
        let store = self.application.store.clone();
        store.note(self.transaction.get_mut(), consumer, events).await
    }

    pub(crate) async fn bury(&mut self, consumer: &str, letter: &DeadLetter) -> Result<(), Error> {
        let store = self.application.store.clone();
        store.bury(self.transaction.get_mut(), consumer, letter).await
    }

    pub(crate) async fn exhume(
        &mut self,
        consumer: &str,
        id: EventId,
    ) -> Result<Option<DeadLetter>, Error> {
        let store = self.application.store.clone();
        store.exhume(self.transaction.get_mut(), consumer, id).await
    }

    pub(crate) async fn hold(
        &mut self,
        consumer: &str,
        id: EventId,
        lease: Duration,
    ) -> Result<bool, Error> {
        let store = self.application.store.clone();
        store.hold(self.transaction.get_mut(), consumer, id, lease).await
    }

    /// Whether anything is registered for this unit of work alone.
    pub(crate) fn has_handlers_of_its_own(&self) -> bool {
        !self.handlers.is_empty() || !self.after_commit.is_empty()
    }

    /// What is raised from now on continues `origin`. What was raised before has been
    /// [prepared](Tx::prepare).
    pub(crate) fn turn_to(&mut self, origin: Origin) {
        self.correlation_id.clone_from(&origin.correlation_id);
        self.origin = Arc::new(origin);
    }
}
