use simulation::{Target, World, schedules};

/// LIMIT: enough to meet every kind of fault some hundred times, in a few seconds.
const SCHEDULES: u64 = 5_000;

#[test]
fn whatever_is_sent_arrives_in_order_or_is_set_aside_whatever_happens() {
    let (tally, found) = schedules::run(Target::Sink, 0, SCHEDULES);
    assert!(found.is_empty(), "{found:?}; see one with: cargo xtask simulate --sink --seed …");
    assert_eq!(tally.schedules, SCHEDULES);
}

#[test]
fn schedules_of_sinks_that_nobody_has_seen_before_keep_every_promise_too() {
    let (_, found) = schedules::run(Target::Sink, fastrand::u64(..), SCHEDULES / 4);
    assert!(found.is_empty(), "{found:?}; see one with: cargo xtask simulate --sink --seed …");
}

#[test]
fn a_seed_with_a_sink_is_the_same_schedule_each_time() {
    for seed in 0..100 {
        let trace = || World::new(Target::Sink, seed, None).trace();
        assert_eq!(trace(), trace());
    }
}
