//! `jaeb`: synchronous handlers run before `publish` returns; asynchronous ones only start.

use std::pin::Pin;

use bench::Arm;
use bench::dispatch::{EVENTS, Listen, Publish, Publishing, Ticked, Types, look_at};
use ensue::BoxError;
use jaeb::{EventBus, HandlerResult};

use crate::event::Told;

pub(crate) async fn arm<T: Types>(handlers: u32) -> Result<impl Arm, BoxError> {
    let bus = EventBus::builder().build().await?;
    let mut listener = Listener { bus: bus.clone(), subscribing: Vec::new() };
    T::listen(&mut listener, handlers);
    for subscribing in listener.subscribing {
        subscribing.await?;
    }
    Ok(Publishing::<T, _>::new(Bus(bus), EVENTS))
}

struct Listener {
    bus: EventBus,
    subscribing: Vec<Subscribing>,
}

type Subscribing = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

impl Listen for Listener {
    fn listen<E: Ticked>(&mut self, handlers: u32) {
        let bus = self.bus.clone();
        self.subscribing.push(Box::pin(async move {
            for _ in 0..handlers {
                // Dropped, a subscription stays.
                bus.subscribe::<Told<E>, _, _>(handle::<E>).await.map(drop)?;
            }
            Ok(())
        }));
    }
}

fn handle<E: Ticked>(event: &Told<E>, _: &EventBus) -> HandlerResult {
    look_at(&event.0);
    Ok(())
}

struct Bus(EventBus);

impl Publish for Bus {
    async fn publish<E: Ticked>(&mut self, event: E) -> Result<(), BoxError> {
        Ok(self.0.publish(Told(event)).await?)
    }
}
