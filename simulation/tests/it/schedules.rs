use simulation::{Tally, Target, World, schedules};

/// LIMIT: enough to meet every kind of fault some hundred times, in a few seconds.
const SCHEDULES: u64 = 20_000;

#[test]
fn nothing_is_lost_doubled_or_out_of_order_whatever_happens() {
    let (tally, found) = schedules::run(Target::Handlers, 0, SCHEDULES);
    assert!(found.is_empty(), "{found:?}; see one with: cargo xtask simulate --seed …");
    assert_eq!(tally.schedules, SCHEDULES);
}

#[test]
fn schedules_that_nobody_has_seen_before_keep_every_promise_too() {
    let (_, found) = schedules::run(Target::Handlers, fastrand::u64(..), SCHEDULES / 4);
    assert!(found.is_empty(), "{found:?}; see one with: cargo xtask simulate --seed …");
}

#[test]
fn every_kind_of_fault_and_of_deed_comes_up() {
    let mut tally = Tally::default();
    for target in [Target::Handlers, Target::Sink] {
        tally.add(&schedules::run(target, 0, 1_000).0);
    }
    assert_eq!(tally.never_met(), [""; 0]);
}

/// Each world looks at each replayed entry: the cursor stays where it is, and what was handled once
/// more before a process went is not again.
#[test]
fn a_replay_never_moves_the_cursor_and_survives_that_its_process_goes_in_the_middle() {
    let (tally, found) = schedules::run(Target::Handlers, 40_000, SCHEDULES / 4);
    assert!(found.is_empty(), "{found:?}; see one with: cargo xtask simulate --seed …");
    let never_met = tally.never_met();
    assert!(!never_met.contains(&"resumed replays") && !never_met.contains(&"crashes"));
}

#[test]
fn a_seed_is_the_same_schedule_each_time() {
    for seed in 0..100 {
        assert_eq!(
            World::new(Target::Handlers, seed, None).trace(),
            World::new(Target::Handlers, seed, None).trace()
        );
    }
}
