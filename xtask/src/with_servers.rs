//! Any command, with the servers that tests need around it.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode, ExitStatus};

use servers::Surroundings;

use crate::failure::Failure;
use crate::terminal::say;

/// Ends as the command ends.
pub(crate) fn run(command: &[String]) -> Result<ExitCode, Failure> {
    run_in(&start()?, command)
}

/// The same, with servers that are there.
pub(crate) fn run_in(surroundings: &Surroundings, command: &[String]) -> Result<ExitCode, Failure> {
    let [program, arguments @ ..] = command else {
        return Err(Failure::new("which command? cargo xtask with-servers -- <command>"));
    };
    let status = Command::new(program)
        .args(arguments)
        .envs(surroundings.variables().iter().cloned())
        .status()
        .map_err(|error| Failure::new(format!("cannot start `{program}`: {error}")))?;
    Ok(ExitCode::from(code(status)))
}

/// Says where they are, for whoever wants to look inside while the command runs.
pub(crate) fn start() -> Result<Surroundings, Failure> {
    let surroundings = Surroundings::complete().map_err(Failure::new)?;
    for (name, url) in surroundings.variables() {
        say(&format!("==> servers: {name}={}", without_password(url)));
    }
    Ok(surroundings)
}

/// Logs are read by many.
fn without_password(url: &str) -> String {
    let shown = url.split_once("://").and_then(|(scheme, rest)| {
        let (account, place) = rest.rsplit_once('@')?;
        let (user, _) = account.split_once(':')?;
        Some(format!("{scheme}://{user}:…@{place}"))
    });
    shown.unwrap_or_else(|| url.to_owned())
}

/// As shells have it: a command that a signal ended has 128 more than the signal's number.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_the_command_is_handed_on() {
        assert_eq!(code(status_of("exit 0")), 0);
        assert_eq!(code(status_of("exit 7")), 7);
    }

    #[test]
    fn a_command_that_was_killed_has_the_code_that_a_shell_gives_it() {
        assert_eq!(code(status_of("kill -KILL $$")), 137);
    }

    #[test]
    fn a_password_is_not_shown() {
        let url = "postgres://me:se:cret@db.example:5432/shop";
        assert_eq!(without_password(url), "postgres://me:…@db.example:5432/shop");
        let url = "postgres://ensue@127.0.0.1:20123/postgres";
        assert_eq!(without_password(url), url);
    }

    fn status_of(script: &str) -> ExitStatus {
        Command::new("sh").args(["-c", script]).status().unwrap()
    }
}
