//! `raise` and its kin.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ensue_core::{
    Ambient, Clock, Event, Raise, Timestamp, capture, capture_async, raise, raise_at, scope,
    try_raise,
};

#[derive(Debug, PartialEq, Event)]
#[event(local)]
struct Told(u32);

fn numbers(raised: &[ensue_core::AnyEvent]) -> Vec<u32> {
    raised.iter().filter_map(|event| event.downcast_ref::<Told>()).map(|told| told.0).collect()
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn what_is_raised_is_captured_in_order() {
    let (result, raised) = capture(|| {
        raise(Told(1));
        Ambient.raise(Told(2));
        try_raise(Told(3)).unwrap();
        "done"
    });
    assert_eq!((result, numbers(&raised)), ("done", vec![1, 2, 3]));
}

#[test]
fn outside_of_a_unit_of_work_a_raise_panics_and_says_what_to_do() {
    let panic = catch_unwind(|| raise(Told(1))).unwrap_err();
    let words = words(&*panic);
    assert!(words.contains("`Told` raised outside of a unit of work"), "{words}");
    assert!(words.contains("Events::run"), "{words}");
}

#[test]
fn the_panic_names_the_line_that_raised() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let line = line!() + 6;
    std::thread::spawn(move || {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            sender.send(info.location().unwrap().line()).ok();
        }));
        let panicked = catch_unwind(|| raise(Told(1)));
        std::panic::set_hook(hook);
        panicked.unwrap_err();
    })
    .join()
    .unwrap();
    // Other tests of this process may panic on purpose while the hook is set.
    assert!(receiver.into_iter().any(|seen| seen.abs_diff(line) <= 1));
}

#[test]
fn try_raise_hands_the_event_back_outside() {
    assert_eq!(try_raise(Told(7)), Err(Told(7)));
}

#[test]
fn while_a_panic_unwinds_a_raise_outside_is_silent() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            raise(Told(1));
        }
    }
    let panic = catch_unwind(|| {
        let _loud = Loud;
        panic!("{}", "the first");
    });
    assert_eq!(words(&*panic.unwrap_err()), "the first");
}

#[test]
fn a_capture_inside_another_takes_its_own() {
    let (inner, outer) = capture(|| {
        raise(Told(1));
        let ((), inner) = capture(|| raise(Told(2)));
        raise(Told(3));
        numbers(&inner)
    });
    assert_eq!((inner, numbers(&outer)), (vec![2], vec![1, 3]));
}

#[test]
fn a_panic_ends_the_capture() {
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        capture(|| {
            raise(Told(1));
            panic!("no");
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(try_raise(Told(2)), Err(Told(2)));
}

#[test]
fn another_thread_is_outside() {
    let ((), raised) = capture(|| {
        let there = std::thread::spawn(|| try_raise(Told(1)).is_err());
        assert!(there.join().unwrap());
    });
    assert_eq!(numbers(&raised), [0; 0]);
}

#[test]
fn an_event_occurs_when_it_is_raised_or_when_it_is_said_to() {
    let noon = Timestamp::from_micros(43_200_000_000);
    let before = Timestamp::from(std::time::SystemTime::now());
    let ((), raised) = capture(|| {
        raise(Told(1));
        raise_at(Told(2), noon);
    });
    assert!(raised[0].occurred_at() >= before);
    assert_eq!(raised[1].occurred_at(), noon);
}

#[test]
fn the_clock_of_the_scope_says_when() {
    let noon = Timestamp::from_micros(43_200_000_000);
    let scope = scope::Scope::in_transaction(Clock::new(move || noon), Arc::default());
    let ((), mut scope) = scope.run(|| raise(Told(1)));
    assert_eq!(scope.take()[0].occurred_at(), noon);
}

#[test]
fn async_domain_code_is_captured_too() {
    let work = capture_async(async {
        raise(Told(1));
        crate::scopes::yield_once().await;
        raise(Told(2));
    });
    let ((), raised) = crate::scopes::run_to_its_end(work);
    assert_eq!(numbers(&raised), [1, 2]);
}
