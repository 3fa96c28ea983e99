//! Events that an aggregate records itself.

use std::sync::Arc;

use ensue_core::scope::{Ledger, Scope};
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

/// What `work` returns, and the types of what it left to be collected.
fn in_a_unit_of_work<T>(work: impl FnOnce() -> T) -> (T, Vec<&'static str>) {
    let ledger = Arc::<Ledger>::default();
    let (value, _) = Scope::in_transaction(Clock::system(), Arc::clone(&ledger)).run(work);
    (value, ledger.uncollected())
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
    let (cart, missed) = in_a_unit_of_work(|| {
        let mut cart = Cart::default();
        cart.empty();
        cart
    });
    assert_eq!(missed, ["CartEmptied"]);
    drop(cart);
}

#[test]
fn events_that_go_with_their_aggregate_are_missed_all_the_same() {
    let ((), missed) = in_a_unit_of_work(|| Cart::default().empty());
    assert_eq!(missed, ["CartEmptied"]);
}

#[test]
fn collected_events_are_missed_no_more() {
    let ((), missed) = in_a_unit_of_work(|| {
        let mut cart = Cart::default();
        cart.empty();
        cart.empty();
        assert_eq!(cart.pending().take().len(), 2);
    });
    assert!(missed.is_empty());
}

#[test]
fn outside_of_a_unit_of_work_nobody_misses_them() {
    let mut cart = Cart::default();
    cart.empty();
    let (raised, missed) = in_a_unit_of_work(|| cart.pending().take().len());
    assert_eq!((raised, missed), (1, Vec::new()));
}

#[test]
fn what_was_recorded_in_vain_is_missed_by_nobody_and_cannot_be_collected() {
    let ledger = Arc::<Ledger>::default();
    let scope = Scope::in_transaction(Clock::system(), Arc::clone(&ledger));
    let mut cart = Cart::default();
    let ((), _) = scope.run(|| {
        cart.empty();
        let mark = ledger.mark();
        cart.empty();
        ledger.void_after(mark);
    });
    assert_eq!(ledger.uncollected(), ["CartEmptied"]);
    assert_eq!(cart.pending().take().len(), 1);
    assert!(ledger.uncollected().is_empty());
}
