//! A cargo command: shown as one would type it, run as shown.

use std::env;
use std::ffi::OsString;
use std::fmt::{self, Display};
use std::fs::File;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use servers::Surroundings;

use crate::failure::Failure;

#[derive(Clone)]
pub(crate) struct Cargo {
    variables: Vec<(&'static str, &'static str)>,
    arguments: Vec<String>,
    /// The environment that says where they are. It is not shown: they will be elsewhere when
    /// somebody repeats the command.
    servers: Option<Vec<(&'static str, String)>>,
}

impl Cargo {
    /// From words separated by blanks.
    pub(crate) fn new(words: &str) -> Self {
        let arguments = words.split_whitespace().map(String::from).collect();
        Self { variables: Vec::new(), arguments, servers: None }
    }

    pub(crate) fn with_variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    /// With what `cargo xtask with-servers` puts around a command.
    pub(crate) fn with_servers(mut self, surroundings: &Surroundings) -> Self {
        self.servers = Some(surroundings.variables().to_vec());
        self
    }

    pub(crate) fn with_arguments(mut self, arguments: &[impl ToString]) -> Self {
        self.arguments.extend(arguments.iter().map(ToString::to_string));
        self
    }

    /// With arguments for the program that cargo runs.
    pub(crate) fn handing_on(self, arguments: &[impl ToString]) -> Self {
        if arguments.is_empty() {
            self
        } else {
            self.with_arguments(&["--"]).with_arguments(arguments)
        }
    }

    pub(crate) fn run(&self) -> Result<(), Failure> {
        let status = self
            .command()
            .status()
            .map_err(|error| Failure::new(format!("cannot start `{self}`: {error}")))?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::new(format!("`{self}` ended with {status}")))
        }
    }

    /// Runs it with its output in `log`, and kills it after `limit`.
    pub(crate) fn run_into(&self, log: File, limit: Duration) -> Result<Ended, Failure> {
        let cannot = |error| Failure::new(format!("cannot start `{self}`: {error}"));
        let errors = log.try_clone().map_err(cannot)?;
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let mut child = command.spawn().map_err(cannot)?;
        ended(&mut child, limit).map_err(cannot)
    }

    /// Whether it runs at all; what it prints is thrown away.
    pub(crate) fn succeeds_silently(&self) -> bool {
        let status = self.command().stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    fn command(&self) -> Command {
        // The cargo that started us, so that one toolchain does everything.
        let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(program);
        command.args(&self.arguments).envs(self.variables.iter().copied());
        command.envs(self.servers.iter().flatten().cloned());
        command
    }
}

/// The end of a command.
pub(crate) enum Ended {
    Succeeded,
    Failed(ExitStatus),
    TimedOut,
}

fn ended(child: &mut Child, limit: Duration) -> std::io::Result<Ended> {
    let began = Instant::now();
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(Ended::Succeeded),
            Some(status) => return Ok(Ended::Failed(status)),
            None if began.elapsed() > limit => {
                child.kill()?;
                child.wait()?;
                return Ok(Ended::TimedOut);
            }
            None => thread::sleep(LOOK_PAUSE),
        }
    }
}

/// Poll interval for a running command.
const LOOK_PAUSE: Duration = Duration::from_millis(200);

impl Display for Cargo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.servers.is_some() {
            formatter.write_str("cargo xtask with-servers -- ")?;
        }
        for (name, value) in &self.variables {
            write!(formatter, "{name}={} ", quoted(value))?;
        }
        formatter.write_str("cargo")?;
        self.arguments.iter().try_for_each(|argument| write!(formatter, " {}", quoted(argument)))
    }
}

fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=./:,+@".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let command = Cargo::new("doc --no-deps").with_variable("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(command.to_string(), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps");
    }

    #[test]
    fn a_command_with_servers_is_shown_as_what_starts_them_again() {
        let mut command = Cargo::new("nextest run");
        command.servers = Some(vec![("URL", "postgres://127.0.0.1:20123".to_owned())]);
        assert_eq!(command.to_string(), "cargo xtask with-servers -- cargo nextest run");
    }

    #[test]
    fn an_argument_the_shell_would_split_is_quoted() {
        let command = Cargo::new("run --").with_arguments(&["it's one".to_owned()]);
        assert_eq!(command.to_string(), r"cargo run -- 'it'\''s one'");
    }

    #[test]
    fn what_is_handed_on_is_set_apart() {
        let command = Cargo::new("run");
        assert_eq!(command.handing_on(&["--help"]).to_string(), "cargo run -- --help");
    }

    #[test]
    fn nothing_is_handed_on_as_nothing() {
        assert_eq!(Cargo::new("run").handing_on(&[""; 0]).to_string(), "cargo run");
    }

    #[test]
    fn an_unknown_subcommand_does_not_succeed() {
        assert!(!Cargo::new("no-such-subcommand-anywhere").succeeds_silently());
    }
}
