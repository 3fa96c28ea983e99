//! Straight-line code as arms.

use std::hint::black_box;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use ensue::BoxError;

use super::types::{Publish, Raise, Types};
use crate::arm::Arm;

/// Raises events of the types `T`, one after the other.
pub struct Raising<T, R> {
    raiser: R,
    events: u32,
    times: u32,
    types: PhantomData<fn() -> T>,
}

impl<T: Types, R: Raise> Raising<T, R> {
    /// Through `raiser`, so many a round; a multiple of the number of types.
    pub fn new(raiser: R, events: u32) -> Self {
        Self { raiser, events, times: 1, types: PhantomData }
    }

    /// Makes each round the mean of so many: one alone would be over before it can be timed well.
    #[must_use]
    pub fn repeated(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}

impl<T: Types, R: Raise> Arm for Raising<T, R> {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let passes = self.events / T::COUNT * self.times;
        let raiser = black_box(&mut self.raiser);
        let began = Instant::now();
        for number in 0..passes {
            T::raise(raiser, number.into());
        }
        Ok(began.elapsed() / self.times)
    }
}

/// Raises events of the types `T`, each when the one before is handled.
pub struct Publishing<T, P> {
    publisher: P,
    events: u32,
    types: PhantomData<fn() -> T>,
}

impl<T: Types, P: Publish> Publishing<T, P> {
    /// Through `publisher`, so many a round; a multiple of the number of types.
    pub fn new(publisher: P, events: u32) -> Self {
        Self { publisher, events, types: PhantomData }
    }
}

impl<T: Types, P: Publish> Arm for Publishing<T, P> {
    async fn round(&mut self) -> Result<Duration, BoxError> {
        let passes = self.events / T::COUNT;
        let publisher = black_box(&mut self.publisher);
        let began = Instant::now();
        for number in 0..passes {
            T::publish(publisher, number.into()).await?;
        }
        Ok(began.elapsed())
    }
}
