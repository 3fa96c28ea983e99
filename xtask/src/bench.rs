//! The benchmarks, always optimised.

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::step;

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let command = Cargo::new("run --release --package bench --").with_arguments(arguments);
    step::cargo("bench", &command)
}
