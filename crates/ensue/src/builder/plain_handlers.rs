//! Handlers that need no transaction, found by event type.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use ensue_core::{AnyEvent, Event};

use crate::handler::{PlainHandler, States};

/// What ensues after the commit, or after the rollback.
#[derive(Clone, Default)]
pub(crate) struct PlainHandlers(HashMap<TypeId, Vec<Arc<PlainHandler>>>);

impl PlainHandlers {
    pub(crate) fn add<E: Event>(&mut self, handler: PlainHandler) {
        self.0.entry(TypeId::of::<E>()).or_default().push(Arc::new(handler));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn of(&self, event: &AnyEvent) -> impl Iterator<Item = &Arc<PlainHandler>> {
        event.type_id().and_then(|id| self.0.get(&id)).into_iter().flatten()
    }

    pub(super) fn problems(&self, states: &States) -> impl Iterator<Item = String> {
        self.0.values().flatten().filter_map(|handler| handler.description.problem(states))
    }
}
