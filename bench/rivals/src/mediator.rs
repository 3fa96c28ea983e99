//! `mediator`: each handler gets an event of its own.

use bench::Arm;
use bench::dispatch::{EVENTS, Listen, Raise, Raising, Ticked, Types, look_at};
use mediator::Mediator;
use mediator::impls::{Builder, DefaultMediator};

use crate::event::Told;

pub(crate) fn arm<T: Types>(handlers: u32) -> impl Arm {
    let mut listener = Listener(Some(DefaultMediator::builder()));
    T::listen(&mut listener, handlers);
    let mediator = listener.0.unwrap_or_default().build();
    Raising::<T, _>::new(Mediated(mediator), EVENTS)
}

struct Listener(Option<Builder>);

impl Listen for Listener {
    fn listen<E: Ticked>(&mut self, handlers: u32) {
        for _ in 0..handlers {
            let add = |builder: Builder| builder.subscribe_fn(|event: Told<E>| look_at(&event.0));
            self.0 = self.0.take().map(add);
        }
    }
}

struct Mediated(DefaultMediator);

impl Raise for Mediated {
    #[expect(clippy::expect_used, reason = "it is an error that nobody listens")]
    fn raise<E: Ticked>(&mut self, event: E) {
        self.0.publish(Told(event)).expect("a handler");
    }
}
