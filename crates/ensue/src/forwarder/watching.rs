//! What all forwarders of an application in this process have one of.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::task::AbortHandle;

use super::head::HeadWatch;
use crate::events::Application;
use crate::{Store, lateness};

/// One look at the store for all of them, and one report of what is late; while there is a forwarder.
#[derive(Debug)]
pub(crate) struct Watching {
    pub(crate) head: HeadWatch,
    tasks: [AbortHandle; 2],
}

/// The one that there is, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Watched(Mutex<Weak<Watching>>);

impl Watching {
    /// That of the other forwarders, or a new one.
    pub(crate) fn of<S: Store>(application: &Arc<Application<S>>) -> Arc<Self> {
        let mut watched = application.watched.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.upgrade().unwrap_or_else(|| {
            let watching = Arc::new(Self::start(application));
            *watched = Arc::downgrade(&watching);
            watching
        })
    }

    fn start<S: Store>(application: &Arc<Application<S>>) -> Self {
        let (head, looking) = HeadWatch::start(Arc::clone(application));
        let lateness = tokio::spawn(lateness::watch(Arc::clone(application)));
        Self { head, tasks: [looking.abort_handle(), lateness.abort_handle()] }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
