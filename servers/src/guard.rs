//! The one that stops a server when nobody else can any more.
//!
//! A signal handler or a destructor does not run in a process that is killed. So a server, its
//! preparation and its directory belong to a small shell script that waits for its standard input to
//! end, which the system sees to whatever becomes of us. No case is special: a test that passed, a
//! panic, Ctrl-C, `kill -9`.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use crate::account::Account;
use crate::failure::Failure;

/// A shell process that holds a directory and a server in it. Dropping it stops the server and
/// removes the directory.
pub(crate) struct Guard {
    shell: Child,
    /// `None` once we are dropped: closing it is the order to leave.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    directory: PathBuf,
}

impl Guard {
    /// One whose server is not started yet, and whose directory is empty.
    pub(crate) fn post(
        account: Account,
        directory_name: &str,
        stop_signal: &str,
    ) -> Result<Self, Failure> {
        let parent = account.temporary_directory();
        let mut shell = account.command(Path::new("/bin/sh"));
        shell.args(["-c", SCRIPT, "guard"]).arg(&parent).args([directory_name, stop_signal]);
        // What a server says does not depend on who runs the tests.
        shell.env("LC_ALL", "C");
        // Ctrl-C at a terminal goes to its whole foreground group; tests that end on it should find
        // their server alive until they have.
        shell.process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = shell.spawn().map_err(Failure::cannot("start /bin/sh"))?;
        let pipes = shell.stdin.take().zip(shell.stdout.take());
        let (orders, answers) = pipes.ok_or_else(|| Failure::new("a shell without pipes"))?;
        let (orders, answers) = (Some(orders), BufReader::new(answers));
        let mut guard = Self { shell, orders, answers, directory: PathBuf::new() };
        let directory = guard.answer();
        let what = format!("make a directory in {}", parent.display());
        guard.directory = directory.map_err(Failure::cannot(what))?.into();
        Ok(guard)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Has the script `run` become the server.
    pub(crate) fn start(&mut self) -> Result<(), Failure> {
        self.order("start").map(drop)
    }

    pub(crate) fn is_running(&mut self) -> Result<bool, Failure> {
        Ok(self.order("running")? == "yes")
    }

    /// SIGKILL to the server and all its processes.
    pub(crate) fn crash(&mut self) -> Result<(), Failure> {
        self.order("crash").map(drop)
    }

    pub(crate) fn stop(&mut self) -> Result<(), Failure> {
        self.order("stop").map(drop)
    }

    fn order(&mut self, order: &str) -> Result<String, Failure> {
        self.hand_over(order)
            .and_then(|()| self.answer())
            .map_err(Failure::cannot(format!("have the guard of a server do `{order}`")))
    }

    fn hand_over(&mut self, order: &str) -> io::Result<()> {
        self.orders.as_mut().map_or(Ok(()), |orders| writeln!(orders, "{order}"))
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut answer = String::new();
        match self.answers.read_line(&mut answer)? {
            0 => Err(io::Error::other("it has ended")),
            _ => Ok(answer.trim_end().to_owned()),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.orders.take());
        // Nobody could do anything about a failure here.
        drop(self.shell.wait());
    }
}

const SCRIPT: &str = include_str!("guard.sh");
