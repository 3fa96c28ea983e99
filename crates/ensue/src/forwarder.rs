//! Running subscriptions.
//!
//! What to do next is decided by pure machines that are fed with time and input: [`lease`] says who
//! may run a subscription, [`sharing`] which of several processes does, [`follower`] what becomes of
//! each entry, with [`set_aside`] for those that failed, and [`succession`] what a term hands to the
//! next. [`runner`], [`keeper`], [`following`] and
//! [`delivery`] do what they say: they have the clocks, the randomness and the database.

pub(crate) mod delivery;
mod diary;
#[cfg_attr(not(feature = "simulation"), expect(unreachable_pub, reason = "for the simulation"))]
#[cfg_attr(feature = "simulation", expect(missing_docs, reason = "not an interface"))]
pub(crate) mod follower;
mod following;
mod head;
mod keeper;
mod lane;
#[cfg_attr(not(feature = "simulation"), expect(unreachable_pub, reason = "for the simulation"))]
#[cfg_attr(feature = "simulation", expect(missing_docs, reason = "not an interface"))]
pub(crate) mod lease;
mod read_ahead;
mod runner;
mod sending;
mod set_aside;
#[cfg(feature = "testing")]
mod settling;
#[cfg_attr(not(feature = "simulation"), expect(unreachable_pub, reason = "for the simulation"))]
#[cfg_attr(feature = "simulation", expect(missing_docs, reason = "not an interface"))]
pub(crate) mod sharing;
#[cfg_attr(not(feature = "simulation"), expect(unreachable_pub, reason = "for the simulation"))]
#[cfg_attr(feature = "simulation", expect(missing_docs, reason = "not an interface"))]
pub(crate) mod succession;
mod term_pause;
pub(crate) mod watching;
pub(crate) mod work;

use std::sync::Arc;
use std::time::Duration;

use ensue_core::EventId;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Store;
use crate::events::Application;
use runner::Runner;
#[cfg(feature = "testing")]
pub(crate) use settling::settle;
use watching::Watching;

/// Subscriptions that run in this process.
///
/// Dropped, it stops them as [`shutdown`](Forwarder::shutdown) does, but nobody waits for it.
#[derive(Debug)]
pub struct Forwarder {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    _watching: Arc<Watching>,
}

/// How this process runs subscriptions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForwardingSettings {
    pub(crate) lease: Duration,
    pub(crate) poll: Duration,
}

impl ForwardingSettings {
    /// LIMIT: a shorter lease would be over before a busy disk has renewed it.
    pub(crate) const LEASE_MIN: Duration = Duration::from_millis(100);
}

impl Default for ForwardingSettings {
    fn default() -> Self {
        Self { lease: Duration::from_secs(15), poll: Duration::from_secs(1) }
    }
}

impl Forwarder {
    pub(crate) fn start<S: Store>(application: &Arc<Application<S>>) -> Self {
        let (stop, stopping) = watch::channel(false);
        let watching = Watching::of(application);
        // With an id, so that no two runs of a process are the same owner.
        let owner: Arc<str> = format!("{}@{}", std::process::id(), EventId::now()).into();
        let mut tasks = JoinSet::new();
        for subscription in &application.subscriptions {
            let application = Arc::clone(application);
            let subscription = Arc::clone(subscription);
            let (owner, stopping) = (Arc::clone(&owner), stopping.clone());
            let runner =
                Runner::new(application, subscription, owner, watching.head.clone(), stopping);
            tasks.spawn(runner.run());
        }
        Self { stop, tasks, _watching: watching }
    }

    /// Lets every handler that runs now finish, hands the subscriptions over, and ends; after
    /// `limit` it ends all the same: handlers are dropped, their transactions rolled back, and the
    /// entries are handled again by the next owner.
    ///
    /// True if everything had ended in time.
    pub async fn shutdown(mut self, limit: Duration) -> bool {
        self.stop.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(limit, ended).await.is_ok();
        if !in_time {
            tracing::warn!(?limit, "forwarder did not end in time: handlers are dropped");
            self.tasks.shutdown().await;
        }
        in_time
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.tasks.detach_all();
    }
}
