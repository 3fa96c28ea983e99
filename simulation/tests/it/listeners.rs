use simulation::audience::{Audience, ListenerMutant};
use simulation::schedules;

/// LIMIT: takes some seconds.
const SCHEDULES: u64 = 10_000;

/// LIMIT: schedules within which each mutant has to be noticed.
const SCHEDULES_OF_MUTANTS: u64 = 2_000;

#[test]
fn each_message_is_handled_or_buried_once_and_acknowledged_after_that_whatever_happens() {
    for (seed, schedules) in [(0, SCHEDULES), (fastrand::u64(..), SCHEDULES / 4)] {
        let (tally, found) =
            schedules::run_each(seed, schedules, |seed| schedules::one_audience(seed, None));
        assert!(found.is_empty(), "{found:?}; see: cargo xtask simulate --listener --seed …");
        assert_eq!(tally.schedules, schedules);
    }
}

#[test]
fn each_mutant_of_a_listener_is_noticed_where_nothing_else_is() {
    for mutant in ListenerMutant::ALL {
        let found = schedules::catch_listener(mutant, 0, SCHEDULES_OF_MUTANTS);
        let found = found.unwrap_or_else(|| panic!("{mutant:?} is not noticed"));
        assert_eq!(schedules::one_audience(found.seed, None).1, Ok(()), "without {mutant:?}");
    }
}

#[test]
fn a_seed_with_listeners_is_the_same_schedule_each_time() {
    for seed in 0..100 {
        assert_eq!(Audience::new(seed, None).trace(), Audience::new(seed, None).trace());
    }
}
