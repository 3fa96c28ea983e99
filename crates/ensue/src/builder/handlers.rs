//! The in-transaction handlers, found by event type.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use ensue_core::{AnyEvent, Event};

use super::{EventType, EventTypes};
use crate::handler::{BoxedHandler, States};
use crate::{Error, Store};

/// Who handles what in the transaction; those of the application are frozen once it is built.
pub(crate) struct Handlers<S: Store> {
    by_type: HashMap<TypeId, Vec<Arc<BoxedHandler<S>>>>,
    any: Vec<Arc<BoxedHandler<S>>>,
    pub(super) types: EventTypes,
}

impl<S: Store> Default for Handlers<S> {
    fn default() -> Self {
        Self { by_type: HashMap::new(), any: Vec::new(), types: EventTypes::default() }
    }
}

impl<S: Store> Clone for Handlers<S> {
    fn clone(&self) -> Self {
        let Self { by_type, any, types } = self;
        Self { by_type: by_type.clone(), any: any.clone(), types: types.clone() }
    }
}

impl<S: Store> Handlers<S> {
    pub(crate) fn on<E: Event>(&mut self, handler: BoxedHandler<S>) {
        self.types.add(EventType::of::<E>());
        self.by_type.entry(TypeId::of::<E>()).or_default().push(Arc::new(handler));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_type.is_empty() && self.any.is_empty()
    }

    pub(crate) fn on_any(&mut self, handler: BoxedHandler<S>) {
        self.any.push(Arc::new(handler));
    }

    /// Those of the event's type in the order of their registration, then those of any.
    pub(crate) fn of(&self, event: &AnyEvent) -> [&[Arc<BoxedHandler<S>>]; 2] {
        let typed = match self.by_type.is_empty() {
            true => None,
            false => event.type_id().and_then(|id| self.by_type.get(&id)),
        };
        [typed.map_or(&[], Vec::as_slice), &self.any]
    }

    pub(crate) fn check_name(&self, event: &AnyEvent) -> Result<(), Error> {
        self.types.check(event)
    }

    pub(super) fn problems(&self, states: &States) -> Vec<String> {
        let handlers = self.by_type.values().flatten().chain(&self.any);
        let lacking = handlers.filter_map(|handler| handler.description().problem(states));
        self.types.problems().iter().cloned().chain(lacking).collect()
    }
}
