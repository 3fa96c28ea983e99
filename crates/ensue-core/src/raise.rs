//! Handing an event over, without a bus in sight.

use crate::scope;
use crate::{AnyEvent, Event, Timestamp};

/// Raises `event` into the unit of work that runs on this thread right now.
///
/// It only records: handlers run when the unit of work flushes, at the latest before it commits.
/// Works from any depth of entities, values and domain services, and on whatever thread the unit of
/// work is polled.
///
/// # Panics
/// Outside of a unit of work (and of [`capture`](crate::capture)), with the caller's location: an
/// event is never dropped silently. A task that was spawned inside a unit of work is outside of it.
/// While a panic already unwinds the event is dropped instead. [`try_raise`] does not panic.
#[track_caller]
pub fn raise<E: Event>(event: E) {
    if try_raise(event).is_err() {
        outside::<E>();
    }
}

/// As [`raise`], of something that happened at `occurred_at`: for imports and for tests.
///
/// # Panics
/// As [`raise`].
#[track_caller]
pub fn raise_at<E: Event>(event: E, occurred_at: Timestamp) {
    if scope::push(AnyEvent::new(event, occurred_at)).is_err() {
        outside::<E>();
    }
}

/// As [`raise`], but handed back outside of a unit of work.
///
/// # Errors
/// The event itself, where there is nobody to take it.
pub fn try_raise<E: Event>(event: E) -> Result<(), E> {
    match scope::now() {
        Some(now) => {
            // A scope whose clock just answered is there to take the event.
            let taken = scope::push(AnyEvent::new(event, now));
            debug_assert!(taken.is_ok());
            Ok(())
        }
        None => Err(event),
    }
}

/// Whatever an event can be raised into, for code that prefers to say so in its signature.
///
/// ```
/// use ensue_core::{Ambient, Event, Pending, Raise, capture};
///
/// #[derive(Event)]
/// #[event(local)]
/// struct StockRanOut;
///
/// fn take(left: u32, events: &mut impl Raise) {
///     if left == 0 { events.raise(StockRanOut); }
/// }
///
/// let mut pending = Pending::default();
/// take(0, &mut pending);
/// let ((), raised) = capture(|| take(0, &mut Ambient));
/// assert_eq!((pending.len(), raised.len()), (1, 1));
/// # drop(pending);
/// ```
pub trait Raise {
    /// Records `event`.
    #[track_caller]
    fn raise<E: Event>(&mut self, event: E);
}

/// The unit of work that runs on this thread right now, as a value.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ambient;

impl Raise for Ambient {
    #[track_caller]
    fn raise<E: Event>(&mut self, event: E) {
        raise(event);
    }
}

#[cold]
#[track_caller]
fn outside<E: Event>() {
    if !std::thread::panicking() {
        panic!(
            "event `{}` raised outside of a unit of work; call the domain inside `Events::run`, \
             or inside `capture` in a test (a spawned task or thread is outside)",
            E::TYPE
        );
    }
}
