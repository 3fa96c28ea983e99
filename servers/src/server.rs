//! A server process from its start to its end.

use std::ffi::OsString;
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::guard::Guard;
use crate::place::Place;

/// How one kind of server is run.
pub(crate) struct Recipe {
    /// As people call it.
    pub(crate) name: &'static str,
    /// The program and its arguments. It has to stay in the foreground.
    pub(crate) command: Vec<OsString>,
    /// The name of the signal upon which it ends soon, whatever it is doing.
    pub(crate) stop_signal: &'static str,
    /// Whether it serves its clients by now.
    pub(crate) is_ready: Box<dyn Fn() -> bool + Send + Sync>,
}

/// A server that runs until this is dropped, and longer than it by nothing.
// The guard goes before the directory in which its server lives.
pub(crate) struct Server {
    guard: Guard,
    recipe: Recipe,
    place: Place,
}

impl Server {
    /// Returns when it is ready.
    pub(crate) fn start(place: Place, recipe: Recipe) -> Result<Self, Failure> {
        let guard = Guard::post(&place, recipe.stop_signal, &recipe.command)?;
        let mut server = Self { guard, recipe, place };
        server.start_again()?;
        Ok(server)
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn is_running(&mut self) -> Result<bool, Failure> {
        self.guard.is_running()
    }

    pub(crate) fn kill(&mut self) -> Result<(), Failure> {
        self.guard.crash()
    }

    pub(crate) fn restart(&mut self) -> Result<(), Failure> {
        self.guard.stop()?;
        self.start_again()
    }

    fn start_again(&mut self) -> Result<(), Failure> {
        self.guard.start()?;
        let deadline = Instant::now() + TIME_TO_START;
        while Instant::now() < deadline {
            let is_ready = (self.recipe.is_ready)();
            // Asked last: somebody else's server may answer on the port that ours did not get.
            if !self.guard.is_running()? {
                return Err(self.failure("ended before it was ready"));
            }
            if is_ready {
                return Ok(());
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        Err(self.failure(&format!("was not ready after {TIME_TO_START:?}")))
    }

    fn failure(&self, what: &str) -> Failure {
        let log = self.place.read("log");
        Failure::new(format!("{} {what}; its log ends with:\n{}", self.recipe.name, end_of(&log)))
    }
}

/// LIMIT: as many lines as say why, and not a screen full.
fn end_of(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// LIMIT: PostgreSQL replays its log after a kill, on a machine that has more to do.
const TIME_TO_START: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_at_once_shows_its_log() {
        let failure = start("echo no such table; exit 3", || false).err().unwrap();
        let said = failure.to_string();
        assert_eq!(said, "a script ended before it was ready; its log ends with:\nno such table");
    }

    #[test]
    fn somebody_elses_answer_does_not_make_a_server_ready() {
        let answer_after_it_ended = || {
            thread::sleep(Duration::from_millis(200));
            true
        };
        assert!(start("exit 3", answer_after_it_ended).is_err());
    }

    #[test]
    fn a_server_that_ignores_its_signal_is_killed() {
        let mut server = start("trap '' TERM; while :; do sleep 0.1; done", || true).unwrap();
        assert!(server.is_running().unwrap());
        server.kill().unwrap();
        assert!(!server.is_running().unwrap());
    }

    #[test]
    fn the_directory_goes_with_the_server() {
        let server = start("sleep 60", || true).unwrap();
        let directory = server.place().path().to_owned();
        assert!(directory.is_dir());
        drop(server);
        assert!(!directory.exists());
    }

    #[test]
    fn the_end_of_a_log_is_its_last_lines() {
        let log: Vec<_> = (1..=30).map(|line| line.to_string()).collect();
        let end = end_of(&log.join("\n"));
        assert!(end.starts_with("11\n") && end.ends_with("\n30"));
        assert_eq!(end_of(""), "");
    }

    fn start(
        script: &str,
        is_ready: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Result<Server, Failure> {
        let recipe = Recipe {
            name: "a script",
            command: ["/bin/sh", "-c", script].map(OsString::from).to_vec(),
            stop_signal: "TERM",
            is_ready: Box::new(is_ready),
        };
        Server::start(Place::new("script")?, recipe)
    }
}
