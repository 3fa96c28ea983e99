//! The simulation, always optimised.

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::step;

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let program = Cargo::new("run --release --package simulation");
    step::cargo("simulation", &program.handing_on(arguments))
}
