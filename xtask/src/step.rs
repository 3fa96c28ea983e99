//! One thing that is announced, then done, and when it fails says how to repeat it.

use std::fmt::Display;

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::terminal::say;

pub(crate) fn cargo(name: &str, command: &Cargo) -> Result<(), Failure> {
    say(&format!("==> {name}: {command}"));
    repeatable(name, command, command.run())
}

pub(crate) fn own(
    name: &str,
    command: &str,
    work: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    say(&format!("==> {name}: {command}"));
    repeatable(name, &command, work())
}

fn repeatable(
    name: &str,
    command: &dyn Display,
    outcome: Result<(), Failure>,
) -> Result<(), Failure> {
    outcome
        .map_err(|failure| failure.and(format!("step `{name}` failed; repeat it with: {command}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_names_itself_and_the_command_to_repeat_it() {
        let outcome = repeatable("docs", &Cargo::new("doc"), Err(Failure::new("broken link")));
        let said = outcome.unwrap_err().to_string();
        assert_eq!(
            said,
            "error: broken link\nerror: step `docs` failed; repeat it with: cargo doc"
        );
    }
}
