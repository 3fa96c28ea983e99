//! What ensues once a unit of work has ended, one way or the other.

use std::sync::Arc;

use super::Raised;
use crate::Store;
use crate::builder::PlainHandlers;
use crate::events::Application;
use crate::local_pool::PlannedCall;

/// The events of a unit of work that has ended, or is about to, and who waits for its end.
pub(super) struct Aftermath<S: Store> {
    pub(super) application: Arc<Application<S>>,
    pub(super) events: Vec<Arc<Raised>>,
    /// Registered in this unit of work, for it alone.
    pub(super) after_commit: PlainHandlers,
}

impl<S: Store> Aftermath<S> {
    /// Lets what ensues after the commit run, once it has succeeded.
    pub(super) fn committed(self) {
        let everybody = [&self.application.after_commit, &self.after_commit];
        self.spawn(&everybody);
    }

    /// Lets what ensues after a rollback run.
    pub(super) fn rolled_back(self) {
        self.spawn(&[&self.application.after_rollback]);
    }

    fn spawn(&self, handlers: &[&PlainHandlers]) {
        if handlers.iter().all(|handlers| handlers.is_empty()) {
            return;
        }
        let mut calls = Vec::new();
        for raised in &self.events {
            for handler in handlers.iter().flat_map(|handlers| handlers.of(&raised.event)) {
                let (raised, handler) = (Arc::clone(raised), Arc::clone(handler));
                calls.push(PlannedCall { raised, handler });
            }
        }
        if !calls.is_empty() {
            self.application.local_pool.spawn(calls, &self.application.states);
        }
    }
}
