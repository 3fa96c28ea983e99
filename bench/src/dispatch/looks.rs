//! How often handlers ran: a benchmark of handlers that nobody calls would be a fast one.

use std::sync::atomic::{AtomicU64, Ordering};

static LOOKS: AtomicU64 = AtomicU64::new(0);

pub(super) fn count() {
    LOOKS.fetch_add(1, Ordering::Relaxed);
}

/// How often since the last time; without optimisation only, so that it is no part of what is
/// measured.
pub fn take() -> u64 {
    LOOKS.swap(0, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::Arm;
    use crate::dispatch::{
        AsyncFunction, BoxedFunctions, HandlerKind, PlainFunction, Raising, Sixteen, Types,
        UnitsOfWork,
    };

    const HANDLERS: u32 = 3;
    const EVENTS: u32 = 32;

    #[tokio::test]
    async fn every_arm_calls_each_handler_once_for_each_event() {
        let mut functions = BoxedFunctions::default();
        Sixteen::listen(&mut functions, HANDLERS);
        verify(Raising::<Sixteen, _>::new(functions, EVENTS)).await;
        verify(ours::<AsyncFunction>().await).await;
        verify(ours::<PlainFunction>().await).await;
    }

    async fn ours<K: HandlerKind>() -> impl Arm {
        UnitsOfWork::<Sixteen>::new::<K>(HANDLERS, EVENTS).await.unwrap()
    }

    async fn verify(mut arm: impl Arm) {
        arm.round().await.unwrap();
        assert_eq!(take(), u64::from(HANDLERS * EVENTS));
    }
}
