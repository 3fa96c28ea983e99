//! An event that is one to all of them.

use bench::dispatch::Ticked;

/// `E`, in a type of ours, so that the rivals' traits can be implemented.
#[derive(Clone)]
pub(crate) struct Told<E>(pub(crate) E);

impl<E: Ticked> bevy_ecs::event::Event for Told<E> {
    type Trigger<'a> = bevy_ecs::event::GlobalTrigger;
}

impl<E: Ticked> mediator::Event for Told<E> {}

impl<E: Ticked> hexeract_core::Notification for Told<E> {}
