//! What events continue goes with a computation, as the scope does.

use std::cell::Cell;
use std::pin::Pin;

use ensue_core::{CorrelationId, Origin};

use crate::scopes::{poll, run_to_its_end, yield_once};

fn request(id: &str) -> Origin {
    let mut origin = Origin::default();
    origin.correlation_id = Some(CorrelationId::new(id));
    origin
}

fn current() -> Option<String> {
    let story = Origin::current()?.correlation_id.clone()?;
    Some(story.to_string())
}

async fn look_twice() -> [Option<String>; 2] {
    let first = current();
    yield_once().await;
    [first, current()]
}

#[test]
fn requests_that_share_a_thread_never_see_each_others_origin() {
    let (mut first, mut second) =
        (request("a").scope(look_twice()), request("b").scope(look_twice()));
    assert!(poll(Pin::new(&mut first)).is_pending());
    assert!(poll(Pin::new(&mut second)).is_pending());
    assert_eq!(current(), None);
    assert_eq!(run_to_its_end(first), [Some("a".to_owned()), Some("a".to_owned())]);
    assert_eq!(run_to_its_end(second), [Some("b".to_owned()), Some("b".to_owned())]);
}

#[test]
fn an_origin_inside_another_is_the_one_that_counts_until_it_ends() {
    let seen = request("outer").scope(async {
        let inner = request("inner").scope(look_twice()).await;
        (inner, current())
    });
    let (inner, outer) = run_to_its_end(seen);
    assert_eq!(inner, [Some("inner".to_owned()), Some("inner".to_owned())]);
    assert_eq!(outer.as_deref(), Some("outer"));
}

#[test]
fn an_origin_is_put_back_after_a_panic() {
    let mut scoped = request("a").scope(async { panic!("no") });
    let polling = std::panic::AssertUnwindSafe(|| poll(Pin::new(&mut scoped)));
    assert!(std::panic::catch_unwind(polling).is_err());
    assert_eq!(current(), None);
}

#[test]
fn what_a_cancelled_request_drops_is_inside() {
    struct Looks<'a>(&'a Cell<bool>);
    impl Drop for Looks<'_> {
        fn drop(&mut self) {
            self.0.set(current().is_some());
        }
    }
    let inside = Cell::new(false);
    let mut cancelled = request("a").scope(async {
        let _looks = Looks(&inside);
        std::future::pending::<()>().await;
    });
    assert!(poll(Pin::new(&mut cancelled)).is_pending());
    drop(cancelled);
    assert!(inside.get());
}

#[test]
fn a_thread_that_is_started_inside_is_outside() {
    let seen = request("a").scope(async { std::thread::spawn(current).join() });
    assert_eq!(run_to_its_end(seen).unwrap(), None);
}
