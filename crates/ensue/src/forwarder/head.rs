//! What everybody in this process who follows the log wants to know of the store: how far the log
//! goes, and what operators ask for.

use std::sync::Arc;
use std::time::Duration;

use ensue_core::Position;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::events::Application;
use crate::subscription::Request;
use crate::{Error, Store};

/// What was seen last.
#[derive(Debug, Clone)]
pub(crate) struct HeadWatch(watch::Receiver<Sight>);

#[derive(Debug, Clone, Default)]
struct Sight {
    /// The last position that is known to be in the log; it only goes up.
    head: Option<Position>,
    requests: Arc<[Request]>,
}

impl HeadWatch {
    /// One reader for all followers: woken at once by commits of this process that are in the log by
    /// then, and by requests; by the store when the log may have grown otherwise; and now and then in
    /// any case.
    pub(crate) fn start<S: Store>(application: Arc<Application<S>>) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = watch::channel(Sight::default());
        (Self(receiver), tokio::spawn(watch_store(application, sender)))
    }

    /// One that stays as it is.
    #[cfg(feature = "testing")]
    pub(crate) fn at(head: Position) -> Self {
        Self(watch::channel(Sight { head: Some(head), requests: Arc::default() }).1)
    }

    /// How far the log goes; nothing before the first look.
    pub(crate) fn position(&self) -> Option<Position> {
        self.0.borrow().head
    }

    /// What was asked of `subscription` and not answered when it was looked at last.
    pub(crate) fn requests_of(&self, subscription: &str) -> Vec<Request> {
        let sight = self.0.borrow();
        let of_it = sight.requests.iter().filter(|request| request.subscription == subscription);
        of_it.cloned().collect()
    }

    /// Ends when something has changed since the last call.
    pub(crate) async fn moved(&mut self) {
        if self.0.changed().await.is_err() {
            // The watcher is gone, and with it the forwarder.
            std::future::pending::<()>().await;
        }
    }
}

/// After an error.
const PAUSE: Duration = Duration::from_secs(1);

async fn watch_store<S: Store>(application: Arc<Application<S>>, sender: watch::Sender<Sight>) {
    let commits_count = application.store.has_positions_at_commit();
    let mut looked_at_requests = None;
    loop {
        let looked = look(&application, &sender, &mut looked_at_requests).await;
        if let Err(error) = looked {
            tracing::warn!(%error, "cannot read how far the log goes");
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        tokio::select! {
            () = application.appended.notified(), if commits_count => {}
            () = application.requested.notified() => looked_at_requests = None,
            () = application.store.changed_elsewhere() => {}
            () = tokio::time::sleep(application.forwarding.poll) => {}
        }
    }
}

/// Reads the head each time, and what operators ask for no more often than it is polled: they are
/// people, and commits are many.
async fn look<S: Store>(
    application: &Application<S>,
    sender: &watch::Sender<Sight>,
    looked_at_requests: &mut Option<Instant>,
) -> Result<(), Error> {
    let head = application.store.head().await?;
    sender.send_if_modified(|sight| sight.head.replace(head) != Some(head));
    let poll = application.forwarding.poll;
    if looked_at_requests.is_none_or(|looked| looked.elapsed() >= poll) {
        let requests = application.store.pending_requests().await?;
        *looked_at_requests = Some(Instant::now());
        sender.send_if_modified(|sight| {
            let is_new = *sight.requests != *requests;
            sight.requests = requests.into();
            is_new
        });
    }
    Ok(())
}
