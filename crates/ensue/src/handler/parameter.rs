//! What a handler function can ask for beside the event.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;

use ensue_core::Meta;

/// A parameter of a handler function between the event and `&mut Tx`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a handler",
    label = "a handler cannot ask for this",
    note = "a handler takes the event by reference, then `State<T>` and `Meta`, and `&mut Tx` last"
)]
pub trait Parameter: Send + Sized + 'static {
    /// The parameter for one call; nothing if the application has none.
    #[doc(hidden)]
    fn extract(states: &States, meta: &Meta) -> Option<Self>;

    /// What `states` lacks to make one, by name.
    #[doc(hidden)]
    fn missing(states: &States) -> Option<&'static str>;
}

/// A clone of the state of type `T` that [`Builder::state`](crate::Builder::state) was given.
#[derive(Debug, Clone, Copy)]
pub struct State<T>(pub T);

impl<T: Clone + Send + Sync + 'static> Parameter for State<T> {
    fn extract(states: &States, _: &Meta) -> Option<Self> {
        states.of::<T>().cloned().map(Self)
    }

    fn missing(states: &States) -> Option<&'static str> {
        states.of::<T>().is_none().then(type_name::<T>)
    }
}

impl Parameter for Meta {
    fn extract(_: &States, meta: &Meta) -> Option<Self> {
        Some(meta.clone())
    }

    fn missing(_: &States) -> Option<&'static str> {
        None
    }
}

/// The application's states, one of a type.
#[doc(hidden)]
#[derive(Default)]
pub struct States(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl States {
    /// Whether there was none of this type before.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, state: T) -> bool {
        self.0.insert(TypeId::of::<T>(), Box::new(state)).is_none()
    }

    fn of<T: 'static>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }
}
