//! A server process from its start to its end.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::place::Place;

/// How one kind of server is run.
pub(crate) struct Recipe {
    /// As people call it.
    pub(crate) name: &'static str,
    /// A shell script that prepares what is not there yet, and then becomes the server by `exec`. It
    /// runs in the server's directory.
    pub(crate) script: String,
    /// Whether the server serves its clients by now.
    pub(crate) is_ready: Box<dyn Fn() -> bool + Send + Sync>,
}

/// A server that runs until this is dropped.
pub(crate) struct Server {
    recipe: Recipe,
    place: Place,
}

impl Server {
    /// Returns when it is ready.
    pub(crate) fn start(place: Place, recipe: Recipe) -> Result<Self, Failure> {
        place.write("run", &recipe.script)?;
        let mut server = Self { recipe, place };
        server.start_again()?;
        Ok(server)
    }

    pub(crate) fn directory(&self) -> &Path {
        self.place.path()
    }

    pub(crate) fn is_running(&mut self) -> Result<bool, Failure> {
        self.place.guard.is_running()
    }

    pub(crate) fn kill(&mut self) -> Result<(), Failure> {
        self.place.guard.crash()
    }

    pub(crate) fn restart(&mut self) -> Result<(), Failure> {
        self.place.guard.stop()?;
        self.start_again()
    }

    /// Runs another script of the server's directory, and returns what it prints.
    pub(crate) fn run(&self, script: &str, words: &[&str]) -> Result<String, Failure> {
        self.place.run(script, words)
    }

    fn start_again(&mut self) -> Result<(), Failure> {
        self.place.guard.start()?;
        let deadline = Instant::now() + TIME_TO_START;
        while Instant::now() < deadline {
            let is_ready = (self.recipe.is_ready)();
            // Asked last: somebody else's server may answer on the port that ours did not get.
            if !self.place.guard.is_running()? {
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

/// A word of a script, whatever is in it.
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_string_lossy().replace('\'', r"'\''"))
}

/// LIMIT: as many lines as say why, and not a screen full.
fn end_of(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// LIMIT: long enough for a preparation, and for the replay of a log after a kill, on a machine that
/// has more to do. RabbitMQ has been seen to take 75 seconds there.
const TIME_TO_START: Duration = Duration::from_secs(120);
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
    fn a_server_that_ignores_its_signal_can_be_killed() {
        let mut server = start("trap '' TERM; while :; do sleep 0.1; done", || true).unwrap();
        assert!(server.is_running().unwrap());
        server.kill().unwrap();
        assert!(!server.is_running().unwrap());
    }

    #[test]
    fn the_directory_goes_with_the_server() {
        let server = start("exec sleep 60", || true).unwrap();
        let directory = server.directory().to_owned();
        assert!(directory.is_dir());
        drop(server);
        assert!(!directory.exists());
    }

    #[test]
    fn a_path_stays_one_word_of_a_script() {
        assert_eq!(quoted(Path::new("/it's a path")), r"'/it'\''s a path'");
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
        let recipe =
            Recipe { name: "a script", script: script.to_owned(), is_ready: Box::new(is_ready) };
        Server::start(Place::new("script", "TERM")?, recipe)
    }
}
