//! How far the log goes, for everybody in this process who follows it.

use std::sync::Arc;
use std::time::Duration;

use ensue_core::Position;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Store;
use crate::events::Application;

/// The last position that is known to be in the log; it only goes up.
#[derive(Debug, Clone)]
pub(crate) struct HeadWatch(watch::Receiver<Position>);

impl HeadWatch {
    /// One reader for all followers: woken at once by commits of this process, by the store when
    /// another process may have appended, and now and then in any case.
    pub(crate) fn start<S: Store>(application: Arc<Application<S>>) -> (Self, JoinHandle<()>) {
        let (sender, receiver) = watch::channel(Position::START);
        (Self(receiver), tokio::spawn(watch_head(application, sender)))
    }

    /// One that stays where it is.
    #[cfg(feature = "testing")]
    pub(crate) fn at(position: Position) -> Self {
        Self(watch::channel(position).1)
    }

    pub(crate) fn position(&self) -> Position {
        *self.0.borrow()
    }

    /// Ends when the head has gone up since the last call.
    pub(crate) async fn moved(&mut self) {
        if self.0.changed().await.is_err() {
            // The watcher is gone, and with it the forwarder.
            std::future::pending::<()>().await;
        }
    }
}

/// After an error.
const PAUSE: Duration = Duration::from_secs(1);

async fn watch_head<S: Store>(application: Arc<Application<S>>, sender: watch::Sender<Position>) {
    loop {
        match application.store.head().await {
            Ok(head) => {
                sender.send_if_modified(|known| std::mem::replace(known, head) != head);
                tokio::select! {
                    () = application.appended.notified() => {}
                    () = application.store.changed_elsewhere() => {}
                    () = tokio::time::sleep(application.forwarding.poll) => {}
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot read how far the log goes");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
