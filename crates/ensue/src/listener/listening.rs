//! Running listeners.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::builder::Consumer;
use super::serving::{Serving, tend};
use crate::Store;
use crate::events::Application;
use crate::words::words_of;

/// Listeners that run in this process.
///
/// Dropped, it stops them as [`shutdown`](Listening::shutdown) does, but nobody waits for it.
#[derive(Debug)]
pub struct Listening {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Listening {
    pub(crate) fn start<S: Store>(application: &Arc<Application<S>>) -> Self {
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for consumer in &application.consumers {
            let (application, consumer) = (Arc::clone(application), Arc::clone(consumer));
            tasks.spawn(tend(Arc::clone(&application), Arc::clone(&consumer), stopping.clone()));
            tasks.spawn(listen(application, consumer, stopping.clone()));
        }
        Self { stop, tasks }
    }

    /// Asks for no more messages, lets every handler that runs now finish, acknowledges what is
    /// committed, and ends; after `limit` it ends all the same: handlers are dropped and their
    /// transactions rolled back. Whatever has arrived and is not acknowledged goes back to where it came
    /// from.
    ///
    /// True if everything had ended in time.
    pub async fn shutdown(mut self, limit: Duration) -> bool {
        self.stop.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        let in_time = tokio::time::timeout(limit, ended).await.is_ok();
        if !in_time {
            tracing::warn!(?limit, "listeners did not end in time: handlers are dropped");
            self.tasks.shutdown().await;
        }
        in_time
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        self.tasks.detach_all();
    }
}

/// After a panic of ours, so that one that comes at once does not keep a processor busy.
const AFTER_A_PANIC: Duration = Duration::from_secs(1);

/// What users write runs guarded further in; a panic that gets here is ours, or the source's, and must
/// not end the listener for good.
async fn listen<S: Store>(
    application: Arc<Application<S>>,
    consumer: Arc<Consumer<S>>,
    stopping: watch::Receiver<bool>,
) {
    loop {
        let serving = Serving::new(&application, &consumer, stopping.clone());
        let Err(panic) = AssertUnwindSafe(serving.run()).catch_unwind().await else { return };
        let (consumer, words) = (&consumer.name, words_of(&*panic));
        tracing::error!(consumer, words, "panicked, starts over");
        tokio::time::sleep(AFTER_A_PANIC).await;
    }
}
