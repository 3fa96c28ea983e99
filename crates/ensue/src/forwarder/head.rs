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

/// How many polls lie between two looks at what operators ask for: they are people.
const POLLS_PER_LOOK_AT_REQUESTS: u32 = 2;

/// And between two at the head where the store tells of each growth, whoever has committed it.
const POLLS_PER_LOOK_AT_A_HEAD_THAT_IS_TOLD: u32 = 8;

/// When it was looked at what.
#[derive(Default)]
struct Looks {
    head: Option<Instant>,
    requests: Option<Instant>,
}

async fn watch_store<S: Store>(application: Arc<Application<S>>, sender: watch::Sender<Sight>) {
    let commits_count = application.store.has_positions_at_commit();
    let mut looks = Looks::default();
    loop {
        if let Err(error) = look(&application, &sender, &mut looks).await {
            tracing::warn!(%error, "cannot read how far the log goes");
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        tokio::select! {
            () = application.appended.notified(), if commits_count => looks.head = None,
            () = application.requested.notified() => looks.requests = None,
            () = application.store.changed_elsewhere() => looks.head = None,
            () = tokio::time::sleep(application.forwarding.poll) => {}
        }
    }
}

/// An idle process asks for as little as it can.
async fn look<S: Store>(
    application: &Application<S>,
    sender: &watch::Sender<Sight>,
    looks: &mut Looks,
) -> Result<(), Error> {
    let poll = application.forwarding.poll;
    let polls_per_head = match application.store.has_positions_at_commit() {
        true => 1,
        false => POLLS_PER_LOOK_AT_A_HEAD_THAT_IS_TOLD,
    };
    if is_due(looks.head, poll.saturating_mul(polls_per_head)) {
        let head = application.store.head().await?;
        looks.head = Some(Instant::now());
        sender.send_if_modified(|sight| sight.head.replace(head) != Some(head));
    }
    if is_due(looks.requests, poll.saturating_mul(POLLS_PER_LOOK_AT_REQUESTS)) {
        let requests = application.store.pending_requests().await?;
        looks.requests = Some(Instant::now());
        sender.send_if_modified(|sight| {
            let is_new = *sight.requests != *requests;
            sight.requests = requests.into();
            is_new
        });
    }
    Ok(())
}

fn is_due(looked: Option<Instant>, pause: Duration) -> bool {
    looked.is_none_or(|looked| looked.elapsed() >= pause)
}
