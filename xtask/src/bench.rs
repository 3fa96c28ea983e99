//! The benchmarks, always optimised.

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::{rivals, step};

/// Two names are programs of their own. All others are scenarios, which one program has.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    match arguments {
        [] => {
            step::cargo("bench", &program("bench"))?;
            step::cargo("bench", &program("allocations"))
        }
        [name, rest @ ..] if name == "rivals" => rivals::run(rest),
        [name, rest @ ..] if name == "allocations" => {
            step::cargo("bench", &program(name).handing_on(rest))
        }
        scenarios => step::cargo("bench", &program("bench").handing_on(scenarios)),
    }
}

fn program(name: &str) -> Cargo {
    Cargo::new(&format!("run --release --package bench --bin {name}"))
}
