//! `hexeract-mediator`: all handlers of an event are awaited together.

use std::sync::Arc;

use bench::Arm;
use bench::dispatch::{EVENTS, Listen, Publish, Publishing, Ticked, Types, look_at};
use ensue::BoxError;
use hexeract_core::{HandlerContext, HexeractError, NotificationHandler};
use hexeract_mediator::{Mediator, MediatorBuilder};

use crate::event::Told;

pub(crate) fn arm<T: Types>(handlers: u32) -> Result<impl Arm, BoxError> {
    let mut listener = Listener(Some(MediatorBuilder::new()));
    T::listen(&mut listener, handlers);
    let mediator = listener.0.unwrap_or_default().build()?;
    Ok(Publishing::<T, _>::new(Mediated(mediator), EVENTS))
}

struct Listener(Option<MediatorBuilder>);

impl Listen for Listener {
    fn listen<E: Ticked>(&mut self, handlers: u32) {
        for _ in 0..handlers {
            let add = |builder: MediatorBuilder| {
                builder.register_notification_handler::<Told<E>, _>(Look)
            };
            self.0 = self.0.take().map(add);
        }
    }
}

struct Look;

impl<E: Ticked> NotificationHandler<Told<E>> for Look {
    type Error = HexeractError;

    async fn handle(&self, event: Arc<Told<E>>, _: &HandlerContext) -> Result<(), HexeractError> {
        look_at(&event.0);
        Ok(())
    }
}

struct Mediated(Mediator);

impl Publish for Mediated {
    async fn publish<E: Ticked>(&mut self, event: E) -> Result<(), BoxError> {
        Ok(self.0.publish(Told(event)).await?)
    }
}
