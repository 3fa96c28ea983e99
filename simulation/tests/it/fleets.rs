use simulation::fleet::{Fleet, FleetMutant};

/// LIMIT: some seconds' worth.
const FLEETS: u64 = 100;

#[test]
fn subscriptions_are_shared_evenly_and_then_stay_where_they_are() {
    for seed in 0..FLEETS {
        let lived = Fleet::new(seed, None).run();
        assert!(lived.is_ok(), "fleet {seed}: {lived:?}");
    }
}

#[test]
fn a_fleet_that_shares_wrongly_is_noticed() {
    for mutant in FleetMutant::ALL {
        let noticed = (0..200).find(|seed| Fleet::new(*seed, Some(mutant)).run().is_err());
        assert!(noticed.is_some(), "nobody notices {mutant:?}");
    }
}
