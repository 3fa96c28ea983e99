//! What dispatch costs, beside that of other crates: `cargo xtask bench rivals`.
//!
//! Everything is measured by the harness of `bench`, all in one run and in turn. The reference is a
//! loop over boxed functions, which is as little as handlers that are known at run time only can
//! cost. Each rival is used as its documentation shows, in its fastest way that waits for handlers:
//!
//! | rival | by | and each time it |
//! |---|---|---|
//! | `bevy_ecs` | observers, `World::trigger` | finds the observers by the event's type |
//! | `mediator` | functions, `publish` | copies the list of handlers, and for each locks it and boxes the event |
//! | `jaeb` | synchronous functions, `publish(…).await` | shares the event, waits for the lane of its type, catches panics |
//! | `hexeract-mediator` | handlers, `publish(…).await` | shares the event, and for each handler makes an id and boxes the way to it |
//!
//! None of them has a transaction, or keeps the event for a log. Ours has a unit of work around it,
//! on a store that stores nothing, and remembers what was raised.

mod bevy;
mod event;
mod hexeract;
mod jaeb;
mod mediator;

use bench::Contestant;
use bench::dispatch::{One, Sixteen, TwoHundredFiftySix, Types, compare};
use ensue::BoxError;

fn main() -> Result<(), BoxError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { tokio::spawn(measure()).await? })
}

async fn measure() -> Result<(), BoxError> {
    compare_all::<One>().await?;
    compare_all::<Sixteen>().await?;
    compare_all::<TwoHundredFiftySix>().await
}

async fn compare_all<T: Types>() -> Result<(), BoxError> {
    for handlers in [1, 16] {
        compare::<T>(handlers, rivals::<T>(handlers).await?).await?;
    }
    Ok(())
}

async fn rivals<T: Types>(handlers: u32) -> Result<Vec<Contestant>, BoxError> {
    Ok(vec![
        Contestant::new("bevy_ecs 0.20", bevy::arm::<T>(handlers)),
        Contestant::new("mediator 0.2", mediator::arm::<T>(handlers)),
        Contestant::new("jaeb 0.5", jaeb::arm::<T>(handlers).await?),
        Contestant::new("hexeract-mediator 0.6", hexeract::arm::<T>(handlers)?),
    ])
}

#[cfg(test)]
mod tests {
    use bench::Arm;
    use bench::dispatch::{EVENTS, looks};

    use super::*;

    const HANDLERS: u32 = 3;

    #[tokio::test]
    async fn every_rival_calls_each_handler_once_for_each_event() {
        verify(bevy::arm::<Sixteen>(HANDLERS)).await;
        verify(mediator::arm::<Sixteen>(HANDLERS)).await;
        verify(jaeb::arm::<Sixteen>(HANDLERS).await.unwrap()).await;
        verify(hexeract::arm::<Sixteen>(HANDLERS).unwrap()).await;
    }

    async fn verify(mut arm: impl Arm) {
        arm.round().await.unwrap();
        assert_eq!(looks::take(), u64::from(HANDLERS * EVENTS));
    }
}
