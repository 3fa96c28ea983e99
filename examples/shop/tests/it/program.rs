//! A program of this package in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::patience::PATIENCE;

/// A running program, and the lines that it prints. It is killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    pub(crate) fn bookkeeper(feed: &str, ledger: &Path) -> Self {
        Self::start(&mut bookkeeper(feed, ledger))
    }

    pub(crate) fn bookkeeper_until(feed: &str, ledger: &Path, until: usize) -> Self {
        Self::start(bookkeeper(feed, ledger).args(["--until", &until.to_string()]))
    }

    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        // It ends with the program, or once nobody wants its lines any more.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines }
    }

    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line from the program")
    }

    /// Where `name` listens, as soon as it does.
    pub(crate) fn url_of(&self, name: &str) -> String {
        let prefix = format!("{name} listening on ");
        loop {
            if let Some(url) = self.line().strip_prefix(&prefix) {
                return url.to_owned();
            }
        }
    }

    /// SIGKILL: the program has no say in it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until the program ends by itself.
    pub(crate) async fn end(mut self) -> ExitStatus {
        let ending = async {
            loop {
                match self.child.try_wait().unwrap() {
                    Some(status) => return status,
                    None => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, ending).await.expect("the end of the program")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn bookkeeper(feed: &str, ledger: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bookkeeper"));
    command.args(["--limit", "7", "--feed", feed, "--ledger"]).arg(ledger);
    command
}
