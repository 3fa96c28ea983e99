//! A scope belongs to a computation, not to a thread.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use ensue_core::scope::{Scope, Scoped, Wreckage, is_in_transaction, take_raised};
use ensue_core::{AnyEvent, Clock, Event, capture, raise, try_raise};

#[derive(Event)]
#[event(local)]
struct Told(u32);

pub(crate) fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

pub(crate) fn run_to_its_end<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = poll(future.as_mut()) {
            return output;
        }
    }
}

pub(crate) async fn yield_once() {
    let mut yielded = false;
    poll_fn(move |_| match std::mem::replace(&mut yielded, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

fn scoped<F: Future>(work: F) -> impl Future<Output = (F::Output, Scope)> + Unpin {
    scoped_in(Scope::in_transaction(Clock::system(), Arc::default()), work)
}

pub(crate) fn scoped_in<F: Future>(
    scope: Scope,
    work: F,
) -> impl Future<Output = (F::Output, Scope)> + Unpin {
    Scoped::new(scope, || Box::pin(work))
}

fn numbers(mut scope: Scope) -> Vec<u32> {
    let raised: Vec<AnyEvent> = scope.take();
    raised.iter().filter_map(|event| event.downcast_ref::<Told>()).map(|told| told.0).collect()
}

async fn tell(numbers: [u32; 3]) {
    for number in numbers {
        raise(Told(number));
        yield_once().await;
    }
}

#[test]
fn tasks_that_share_a_thread_never_see_each_others_events() {
    let mut first = scoped(tell([1, 2, 3]));
    let mut second = scoped(tell([4, 5, 6]));
    let (mut of_first, mut of_second) = (None, None);
    while of_first.is_none() || of_second.is_none() {
        if of_first.is_none()
            && let Poll::Ready(((), scope)) = poll(Pin::new(&mut first))
        {
            of_first = Some(numbers(scope));
        }
        assert!(try_raise(Told(0)).is_err(), "a scope was left behind");
        if of_second.is_none()
            && let Poll::Ready(((), scope)) = poll(Pin::new(&mut second))
        {
            of_second = Some(numbers(scope));
        }
    }
    assert_eq!((of_first.unwrap(), of_second.unwrap()), (vec![1, 2, 3], vec![4, 5, 6]));
}

#[test]
fn a_task_that_moves_between_threads_takes_its_scope_along() {
    let mut scoped = Scoped::new(Scope::in_transaction(Clock::system(), Arc::default()), || {
        Box::pin(tell([1, 2, 3]))
    });
    let scope = loop {
        let polled = std::thread::spawn(move || {
            let polled = poll(Pin::new(&mut scoped));
            (scoped, polled)
        });
        let (moved, polled) = polled.join().unwrap();
        scoped = moved;
        if let Poll::Ready(((), scope)) = polled {
            break scope;
        }
    };
    assert_eq!(numbers(scope), [1, 2, 3]);
}

#[test]
fn a_scope_is_put_back_after_a_panic() {
    let mut scoped = scoped(async { panic!("no") });
    let polled =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| poll(Pin::new(&mut scoped))));
    assert!(polled.is_err() && !is_in_transaction());
}

#[test]
fn values_that_raise_when_a_cancelled_computation_drops_them_are_inside() {
    struct Loud<'a>(&'a Cell<bool>);
    impl Drop for Loud<'_> {
        fn drop(&mut self) {
            self.0.set(try_raise(Told(1)).is_ok());
        }
    }
    let inside = Cell::new(false);
    let mut cancelled = scoped(async {
        let _loud = Loud(&inside);
        std::future::pending::<()>().await;
    });
    assert!(poll(Pin::new(&mut cancelled)).is_pending());
    drop(cancelled);
    assert!(inside.get());
}

#[test]
fn what_a_cancelled_computation_had_raised_is_left_to_whoever_asked_for_it() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            raise(Told(2));
        }
    }
    let wreckage = Wreckage::default();
    let scope =
        Scope::in_transaction(Clock::system(), Arc::default()).leaving(Some(wreckage.clone()));
    let mut cancelled = scoped_in(scope, async {
        let _loud = Loud;
        raise(Told(1));
        std::future::pending::<()>().await;
    });
    assert!(poll(Pin::new(&mut cancelled)).is_pending());
    assert!(wreckage.take().is_empty());
    drop(cancelled);
    let left = wreckage.take();
    let left: Vec<_> = left.iter().filter_map(AnyEvent::downcast_ref::<Told>).collect();
    assert_eq!(left.iter().map(|told| told.0).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn what_was_raised_so_far_can_be_taken_in_the_middle() {
    let work = scoped(async {
        raise(Told(1));
        let taken = take_raised().len();
        raise(Told(2));
        taken
    });
    let (taken, scope) = run_to_its_end(work);
    assert_eq!((taken, numbers(scope)), (1, vec![2]));
}

#[test]
fn a_scope_says_whether_a_transaction_is_open() {
    assert!(!is_in_transaction());
    let inside = scoped(async { is_in_transaction() });
    assert!(run_to_its_end(inside).0);
    let without = Scope::without_transaction(Clock::system(), Arc::default());
    assert!(!run_to_its_end(scoped_in(without, async { is_in_transaction() })).0);
}

#[test]
fn a_capture_is_in_a_transaction_where_it_stands_in_one() {
    let inside = scoped(async { capture(is_in_transaction).0 });
    assert!(run_to_its_end(inside).0);
    assert!(!capture(is_in_transaction).0);
}
