//! Events that an aggregate records itself.

use ensue_core::scope::Scope;
use ensue_core::{Clock, Event, Pending, Raise, Recorded};

#[derive(Event)]
#[event(local)]
struct CartEmptied;

#[derive(Default, Clone, PartialEq, Debug)]
struct Cart {
    pending: Pending,
}

impl Cart {
    fn empty(&mut self) {
        self.pending.raise(CartEmptied);
    }
}

impl Recorded for Cart {
    fn pending(&mut self) -> &mut Pending {
        &mut self.pending
    }
}

fn in_a_unit_of_work<T>(work: impl FnOnce() -> T) -> (T, Result<usize, Vec<String>>) {
    let scope = Scope::in_transaction(Clock::system());
    let (value, mut scope) = scope.run(work);
    (value, scope.verify_collected().map(|()| scope.take().len()))
}

#[test]
fn what_is_recorded_is_no_part_of_the_aggregates_value() {
    let mut cart = Cart::default();
    cart.empty();
    assert_eq!(cart, Cart::default());
    assert!(cart.clone().pending.is_empty());
    assert_eq!(cart.pending.take().len(), 1);
    assert!(cart.pending.is_empty());
}

#[test]
fn events_that_are_never_collected_are_named() {
    let (cart, finished) = in_a_unit_of_work(|| {
        let mut cart = Cart::default();
        cart.empty();
        cart
    });
    assert_eq!(finished, Err(vec!["CartEmptied".to_owned()]));
    drop(cart);
}

#[test]
fn events_that_go_with_their_aggregate_are_missed_all_the_same() {
    let ((), finished) = in_a_unit_of_work(|| Cart::default().empty());
    assert_eq!(finished, Err(vec!["CartEmptied".to_owned()]));
}

#[test]
fn collected_events_are_missed_no_more() {
    let ((), finished) = in_a_unit_of_work(|| {
        let mut cart = Cart::default();
        cart.empty();
        cart.empty();
        assert_eq!(cart.pending().take().len(), 2);
    });
    assert_eq!(finished, Ok(0));
}

#[test]
fn outside_of_a_unit_of_work_nobody_misses_them() {
    let mut cart = Cart::default();
    cart.empty();
    let (raised, finished) = in_a_unit_of_work(|| cart.pending().take().len());
    assert_eq!((raised, finished), (1, Ok(0)));
}
