//! `bevy_ecs`: an observer is a system that runs when its event is triggered.

use bench::Arm;
use bench::dispatch::{EVENTS, Listen, Raise, Raising, Ticked, Types, look_at};
use bevy_ecs::observer::On;
use bevy_ecs::world::World;

use crate::event::Told;

pub(crate) fn arm<T: Types>(handlers: u32) -> impl Arm {
    let mut observed = Observed(World::new());
    T::listen(&mut observed, handlers);
    observed.0.flush();
    Raising::<T, _>::new(observed, EVENTS)
}

struct Observed(World);

impl Listen for Observed {
    fn listen<E: Ticked>(&mut self, handlers: u32) {
        for _ in 0..handlers {
            self.0.add_observer(|event: On<Told<E>>| look_at(&event.0));
        }
    }
}

impl Raise for Observed {
    fn raise<E: Ticked>(&mut self, event: E) {
        self.0.trigger(Told(event));
    }
}
