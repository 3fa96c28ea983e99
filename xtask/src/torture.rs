//! A log under everything that could cost it events, always optimised.

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::step;

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let program = Cargo::new("run --release --package torture");
    step::cargo("torture", &program.handing_on(arguments))
}
