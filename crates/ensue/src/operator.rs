//! Operating a subscription, whoever runs it.

use std::sync::Arc;
use std::time::Duration;

use ensue_core::Position;
use tokio::time::Instant;

use crate::events::Application;
use crate::subscription::{Answer, Command, RequestId, Which};
use crate::ticket::status;
use crate::{Error, Store, SubscriptionStatus};

/// A subscription in the hands of an operator. See [`Events::operate`](crate::Events::operate).
///
/// Nothing is changed behind the back of the process that runs it: what is asked for is stored, and
/// the owner does it between two pieces of work, at once if it is this process, within its
/// [poll](crate::Builder::poll) otherwise, and when there is one if nobody is. Who asked for what,
/// why, and what came of it stays in the database.
///
/// ```
/// # use ensue::subscription::Which;
/// # use ensue::{Error, Events, Position, Store};
/// # use std::time::Duration;
/// # async fn example<S: Store>(events: Events<S>) -> Result<(), Error> {
/// let refunds = events.operate("refunds");
/// for entry in refunds.status().await?.set_aside {
///     println!("{} {}: {:?}", entry.position, entry.state.name(), entry.failure);
/// }
/// let retry = refunds.retry(Which::Key("A-1".into()), "anna: card replaced").await?;
/// let answer = retry.answered(Duration::from_secs(5)).await?; // None: not yet
/// # Ok(()) }
/// ```
pub struct Operator<S: Store> {
    application: Arc<Application<S>>,
    name: String,
}

/// Something that was asked for.
pub struct Requested<S: Store> {
    application: Arc<Application<S>>,
    id: RequestId,
}

impl<S: Store> Operator<S> {
    pub(crate) fn new(application: &Arc<Application<S>>, name: &str) -> Self {
        Self { application: Arc::clone(application), name: name.to_owned() }
    }

    /// Where it stands.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownSubscription`](crate::ErrorKind::UnknownSubscription); the database's.
    pub async fn status(&self) -> Result<SubscriptionStatus, Error> {
        status(&self.application, &self.name).await
    }

    /// Lets entries that are set aside be tried at once, and then as often as if they had never
    /// failed: for after what made them fail was repaired. `reason` is for whoever reads it later,
    /// best with a name in it.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn retry(&self, which: Which, reason: &str) -> Result<Requested<S>, Error> {
        self.request(Command::Retry(which), reason).await
    }

    /// Takes entries that are set aside for handled, although they are not; those that wait behind
    /// them are tried next.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn skip(&self, which: Which, reason: &str) -> Result<Requested<S>, Error> {
        self.request(Command::Skip(which), reason).await
    }

    /// Lets what is under way end, and nothing else begin, under whatever owner, until it is
    /// [resumed](Self::resume).
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn pause(&self, reason: &str) -> Result<Requested<S>, Error> {
        self.request(Command::Pause, reason).await
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn resume(&self, reason: &str) -> Result<Requested<S>, Error> {
        self.request(Command::Resume, reason).await
    }

    /// Lets it go on after position `to`. Back, everything after it is handled once more, effects and
    /// all; forth, everything up to it is passed without being handled. What is set aside after it
    /// is forgotten, what is set aside up to it stays.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub async fn seek(&self, to: Position, reason: &str) -> Result<Requested<S>, Error> {
        self.request(Command::Seek { to }, reason).await
    }

    async fn request(&self, command: Command, reason: &str) -> Result<Requested<S>, Error> {
        // A request of a name that nobody knows would wait for ever.
        self.status().await?;
        let id = self.application.store.request(&self.name, &command, reason).await?;
        self.application.requested.notify_one();
        Ok(Requested { application: Arc::clone(&self.application), id })
    }
}

impl<S: Store> Requested<S> {
    /// Its number in the database.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// Waits for what comes of it, at the most for `limit`; nothing if the owner has not come to it
    /// by then, or nobody runs the subscription.
    ///
    /// # Errors
    /// The database's.
    ///
    /// CANCEL-SAFE: it only looks.
    pub async fn answered(&self, limit: Duration) -> Result<Option<Answer>, Error> {
        let deadline = Instant::now() + limit;
        let mut progress = self.application.progress.subscribe();
        loop {
            let request = self.application.store.find_request(self.id).await?;
            let answer = request.and_then(|request| request.answer);
            if answer.is_some() || Instant::now() >= deadline {
                return Ok(answer);
            }
            let next = (Instant::now() + PAUSE).min(deadline);
            tokio::select! {
                _ = progress.changed() => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }
}

/// Between two looks while nothing is heard.
const PAUSE: Duration = Duration::from_millis(50);

impl<S: Store> std::fmt::Debug for Operator<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operator").field("subscription", &self.name).finish_non_exhaustive()
    }
}

impl<S: Store> std::fmt::Debug for Requested<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requested").field("id", &self.id).finish_non_exhaustive()
    }
}
