//! Ours: events raised in units of work on a store that stores nothing.

use std::marker::PhantomData;
use std::time::{Duration, Instant};

use ensue::{BoxError, Builder, Events, raise};

use super::handler_kind::HandlerKind;
use super::types::{Listen, Raise, Ticked, Types};
use crate::arm::Arm;
use crate::memory_store::MemoryStore;

/// Raises events of the types `T` by ensue.
pub struct UnitsOfWork<T> {
    events: Events<MemoryStore>,
    events_per_unit: u32,
    types: PhantomData<fn() -> T>,
}

impl<T: Types> UnitsOfWork<T> {
    /// With so many handlers of this kind for each type. A round is a unit of work with so many
    /// events, a multiple of the number of types.
    ///
    /// # Errors
    /// None that is expected: what is built is always the same.
    pub async fn new<K: HandlerKind>(
        handlers: u32,
        events_per_unit: u32,
    ) -> Result<Self, BoxError> {
        let builder = Some(Events::builder(MemoryStore));
        let mut listener = Listener::<K> { builder, kind: PhantomData };
        T::listen(&mut listener, handlers);
        let builder = listener.builder.ok_or("a handler was not registered")?;
        Ok(Self { events: builder.build().await?, events_per_unit, types: PhantomData })
    }
}

struct Listener<K> {
    builder: Option<Builder<MemoryStore>>,
    kind: PhantomData<K>,
}

impl<K: HandlerKind> Listen for Listener<K> {
    fn listen<E: Ticked>(&mut self, handlers: u32) {
        for _ in 0..handlers {
            self.builder = self.builder.take().map(K::listen::<E>);
        }
    }
}

impl<T: Types> Arm for UnitsOfWork<T> {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let passes = self.events_per_unit / T::COUNT;
        let began = Instant::now();
        self.events
            .run(async move |_tx| {
                for number in 0..passes {
                    T::raise(&mut Ambient, number.into());
                }
                Ok::<_, BoxError>(())
            })
            .await?;
        Ok(began.elapsed())
    }
}

/// The unit of work around it.
struct Ambient;

impl Raise for Ambient {
    fn raise<E: Ticked>(&mut self, event: E) {
        raise(event);
    }
}
