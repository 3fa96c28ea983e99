use simulation::{Mutant, schedules};

/// LIMIT: schedules in which each mutant has to be noticed. The rarest needs two things to go wrong
/// at once.
const SCHEDULES: u64 = 12_000;

#[test]
fn each_mutant_is_noticed_where_nothing_else_is() {
    for mutant in Mutant::ALL {
        let found = schedules::catch(mutant, 0, SCHEDULES);
        let found = found.unwrap_or_else(|| panic!("nobody notices `{mutant}`"));
        assert_eq!(schedules::one(found.seed, None).1, Ok(()), "without `{mutant}`");
    }
}

#[test]
fn a_mutant_is_found_by_its_name() {
    for mutant in Mutant::ALL {
        assert_eq!(mutant.name().parse(), Ok(mutant));
    }
}
