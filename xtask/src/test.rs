//! Everything that has to hold before a change goes in.

use std::time::Instant;

use crate::cargo::Cargo;
use crate::check::Check;
use crate::failure::Failure;
use crate::terminal::say;
use crate::{step, with_servers};

pub(crate) fn run() -> Result<(), Failure> {
    let started = Instant::now();
    Check::run_all()?;
    let surroundings = with_servers::start()?;
    let tests = command(true).with_servers(&surroundings);
    step::cargo("tests", &tests)?;
    let doctests = Cargo::new("test --workspace --all-features --doc").with_servers(&surroundings);
    step::cargo("doctests", &doctests)?;
    let seconds = started.elapsed().as_secs();
    say(&format!("passed in {seconds} s: cargo xtask check, {tests}, {doctests}"));
    Ok(())
}

/// Returns the command that runs every test, with nextest if it is allowed and installed.
pub(crate) fn command(may_use_nextest: bool) -> Cargo {
    Cargo::new(tests_command(may_use_nextest && is_nextest_present()))
}

fn is_nextest_present() -> bool {
    Cargo::new("nextest --version").succeeds_silently()
}

/// Without nextest, `--all-targets` would run the benches too, hence the list.
fn tests_command(nextest_is_present: bool) -> &'static str {
    if nextest_is_present {
        "nextest run --workspace --all-features"
    } else {
        "test --workspace --all-features --lib --bins --tests --examples"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_nextest_plain_cargo_runs_the_tests_but_no_bench() {
        let command = tests_command(false);
        assert!(command.starts_with("test --workspace --all-features"));
        assert!(!command.contains("bench") && !command.contains("all-targets"));
    }
}
