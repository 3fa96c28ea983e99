//! Units of work that are run again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ensue::{Error, Position, raise};

use crate::scratch::{OrderPlaced, Scratch, add_effect, effects};

#[derive(Debug)]
enum AppError {
    Refused,
    Events(Error),
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for AppError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused => None,
            Self::Events(error) => Some(error),
        }
    }
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        Self::Events(error)
    }
}

/// Fails with `error` until it was called `times` times; how often it was, and what came of it.
async fn run(
    scratch: &Scratch,
    times: u32,
    error: fn() -> AppError,
) -> (u32, Result<u32, AppError>) {
    let events = scratch.builder().await.build().await.unwrap();
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let result = events
        .run_retrying(async move |tx| {
            let call = counted.fetch_add(1, Ordering::SeqCst) + 1;
            add_effect(tx, "done").await.unwrap();
            raise(OrderPlaced::of("A", 1));
            if call < times { Err(error()) } else { Ok(call) }
        })
        .await;
    (calls.load(Ordering::SeqCst), result)
}

fn busy() -> AppError {
    AppError::Events(Error::store("cannot", "busy", true))
}

#[tokio::test]
async fn what_may_pass_is_tried_again_from_the_start() {
    let scratch = Scratch::new();
    let (calls, result) = run(&scratch, 4, busy).await;
    assert_eq!((calls, result.unwrap()), (4, 4));
    let events = scratch.builder().await.build().await.unwrap();
    assert_eq!(effects(events.store()).await, ["done"]);
    assert_eq!(events.head().await.unwrap(), Position::new(1));
}

#[tokio::test]
async fn what_will_not_pass_is_not() {
    let scratch = Scratch::new();
    let (calls, result) = run(&scratch, 2, || AppError::Refused).await;
    assert!(matches!((calls, result), (1, Err(AppError::Refused))));
}

#[tokio::test]
async fn at_last_it_is_given_up() {
    let scratch = Scratch::new();
    let (calls, result) = run(&scratch, u32::MAX, busy).await;
    assert!(matches!((calls, result), (10, Err(AppError::Events(_)))));
}
