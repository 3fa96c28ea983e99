//! Waiting for what ensues.

use std::sync::Arc;
use std::time::Duration;

use ensue_core::Position;
use tokio::time::Instant;

use crate::events::Application;
use crate::{Error, ErrorKind, Store, SubscriptionStatus};

/// Something to wait on: everything that was committed before it was made. See
/// [`Events::ticket`](crate::Events::ticket).
pub struct Ticket<S: Store> {
    application: Arc<Application<S>>,
    position: Position,
}

/// What came of the waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Handled {
    /// Everything has been handled.
    Handled,
    /// Everything has been handled or set aside, and something is set aside still.
    SetAside,
    /// Not everything, in the time there was.
    TimedOut,
}

impl<S: Store> Ticket<S> {
    pub(crate) fn new(application: &Arc<Application<S>>, position: Position) -> Self {
        Self { application: Arc::clone(application), position }
    }

    /// The last position that it waits for.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Waits until `subscription` has handled everything, at the most for `limit`, whoever runs it.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownSubscription`]; the database's.
    ///
    /// CANCEL-SAFE: it only looks.
    pub async fn handled_by(&self, subscription: &str, limit: Duration) -> Result<Handled, Error> {
        let deadline = Instant::now() + limit;
        let mut progress = self.application.progress.subscribe();
        let mut pause = SHORTEST_PAUSE;
        loop {
            if let Some(handled) = self.judge(&status(&self.application, subscription).await?) {
                return Ok(handled);
            }
            if Instant::now() >= deadline {
                return Ok(Handled::TimedOut);
            }
            // A forwarder of this process tells of its progress; another one is looked after.
            tokio::select! {
                _ = progress.changed() => tokio::time::sleep(SHORTEST_PAUSE).await,
                () = tokio::time::sleep_until((Instant::now() + pause).min(deadline)) => {
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    fn judge(&self, status: &SubscriptionStatus) -> Option<Handled> {
        if status.cursor < self.position {
            return None;
        }
        Some(match status.has_handled(self.position) {
            true => Handled::Handled,
            false => Handled::SetAside,
        })
    }
}

/// Between two looks at the database, however fast the progress is.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);

/// Between two looks while nothing is heard.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

pub(crate) async fn status<S: Store>(
    application: &Application<S>,
    subscription: &str,
) -> Result<SubscriptionStatus, Error> {
    // Not every database can represent such a name, and no subscription has one.
    if subscription.contains('\0') {
        return Err(unknown(subscription));
    }
    let status = application.store.status(subscription).await?;
    status.ok_or_else(|| unknown(subscription))
}

pub(crate) fn unknown(subscription: &str) -> Error {
    let message = format!("there is no subscription `{}`", subscription.escape_debug());
    Error::new(ErrorKind::UnknownSubscription, message)
}

impl<S: Store> std::fmt::Debug for Ticket<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").field("position", &self.position).finish_non_exhaustive()
    }
}
