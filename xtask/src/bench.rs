//! The benchmarks, always optimised.

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::{rivals, step, with_servers};

/// Four names are programs of their own. All others are scenarios, which one program has.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    match arguments {
        [] => {
            run_scenarios(&[])?;
            step::cargo("bench", &program("allocations"))
        }
        [name, rest @ ..] if name == "rivals" => rivals::DISPATCH.run(rest),
        [name, rest @ ..] if name == "judged" => rivals::JUDGED.run(rest),
        [name, rest @ ..] if name == "relays" => {
            rivals::RELAYS.run_with(&with_servers::start()?, rest)
        }
        [name, rest @ ..] if name == "allocations" => {
            step::cargo("bench", &program(name).handing_on(rest))
        }
        scenarios => run_scenarios(scenarios),
    }
}

/// Many of them measure a server.
fn run_scenarios(names: &[String]) -> Result<(), Failure> {
    let surroundings = with_servers::start()?;
    step::cargo("bench", &program("bench").handing_on(names).with_servers(&surroundings))
}

fn program(name: &str) -> Cargo {
    Cargo::new(&format!("run --release --package bench --bin {name}"))
}
