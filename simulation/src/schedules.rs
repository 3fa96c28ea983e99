//! Many schedules, on all cores.

use std::num::NonZero;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::audience::{Audience, ListenerMutant};
use crate::{Mutant, Tally, Target, Violation, World};

/// A schedule that broke a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Which schedule.
    pub seed: u64,
    /// Which promise.
    pub violation: Violation,
}

/// Runs `schedules` of them from `seed` on: how much that was, and what broke a promise, in the
/// order of seeds.
pub fn run(target: Target, seed: u64, schedules: u64) -> (Tally, Vec<Found>) {
    run_each(seed, schedules, |seed| one(target, seed, None))
}

/// Runs the schedules of worlds that `one` runs.
pub fn run_each(
    seed: u64,
    schedules: u64,
    one: impl Fn(u64) -> (Tally, Result<(), Violation>) + Sync,
) -> (Tally, Vec<Found>) {
    let (next, all) = (AtomicU64::new(0), Mutex::new((Tally::default(), Vec::new())));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                let (tally, found) = run_some(&one, seed, schedules, &next);
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                all.0.add(&tally);
                all.1.extend(found);
            });
        }
    });
    let (tally, mut found) = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    found.sort_by_key(|found: &Found| found.seed);
    (tally, found)
}

fn run_some(
    one: impl Fn(u64) -> (Tally, Result<(), Violation>),
    seed: u64,
    schedules: u64,
    next: &AtomicU64,
) -> (Tally, Vec<Found>) {
    let (mut tally, mut found) = (Tally::default(), Vec::new());
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= schedules {
            return (tally, found);
        }
        let seed = seed.wrapping_add(number);
        let (of_this, lived) = one(seed);
        tally.add(&of_this);
        found.extend(lived.err().map(|violation| Found { seed, violation }));
    }
}

/// One schedule. A panic is a broken promise too: the machines promise not to.
pub fn one(target: Target, seed: u64, mutant: Option<Mutant>) -> (Tally, Result<(), Violation>) {
    guarded(|| World::new(target, seed, mutant).run())
}

/// Runs one world of listeners.
pub fn one_audience(seed: u64, mutant: Option<ListenerMutant>) -> (Tally, Result<(), Violation>) {
    guarded(|| Audience::new(seed, mutant).run())
}

fn guarded(
    live: impl FnOnce() -> (Tally, Result<(), Violation>) + panic::UnwindSafe,
) -> (Tally, Result<(), Violation>) {
    panic::catch_unwind(live).unwrap_or_else(|_| {
        let tally = Tally { schedules: 1, violations: 1, ..Tally::default() };
        (tally, Err(Violation::new("it panicked")))
    })
}

/// The first of `schedules` from `seed` on in which somebody notices `mutant`.
pub fn catch(target: Target, mutant: Mutant, seed: u64, schedules: u64) -> Option<Found> {
    (0..schedules).map(|number| seed.wrapping_add(number)).find_map(|seed| {
        let violation = one(target, seed, Some(mutant)).1.err()?;
        Some(Found { seed, violation })
    })
}

/// Finds a violation of a mutant in worlds of listeners, like [`catch`].
pub fn catch_listener(mutant: ListenerMutant, seed: u64, schedules: u64) -> Option<Found> {
    (0..schedules).map(|number| seed.wrapping_add(number)).find_map(|seed| {
        let violation = one_audience(seed, Some(mutant)).1.err()?;
        Some(Found { seed, violation })
    })
}
