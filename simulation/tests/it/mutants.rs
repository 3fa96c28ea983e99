use simulation::{Mutant, Target, schedules};

/// LIMIT: schedules in which each mutant has to be noticed. The rarest needs two things to go wrong
/// at once.
const SCHEDULES: u64 = 12_000;

/// LIMIT: what is done wrong with a sink shows soon.
const SCHEDULES_OF_SINKS: u64 = 500;

#[test]
fn each_mutant_is_noticed_where_nothing_else_is() {
    notice_all(Target::Handlers, SCHEDULES);
}

#[test]
fn each_mutant_of_a_sink_is_noticed_where_nothing_else_is() {
    notice_all(Target::Sink, SCHEDULES_OF_SINKS);
}

fn notice_all(target: Target, within: u64) {
    for mutant in Mutant::of(target).iter().copied() {
        let found = schedules::catch(target, mutant, 0, within);
        let found = found.unwrap_or_else(|| panic!("nobody notices `{mutant}`"));
        assert_eq!(schedules::one(target, found.seed, None).1, Ok(()), "without `{mutant}`");
    }
}

#[test]
fn a_mutant_is_found_by_its_name() {
    for mutant in [Target::Handlers, Target::Sink].into_iter().flat_map(Mutant::of).copied() {
        assert_eq!(mutant.name().parse(), Ok(mutant));
    }
}
