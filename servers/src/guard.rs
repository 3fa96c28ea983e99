//! The one that stops a server when nobody else can any more.
//!
//! A signal handler or a destructor does not run in a process that is killed. So the server is the
//! child of a small shell script that waits for its standard input to end, which the system sees to
//! whatever becomes of us. No case is special: a test that passed, a panic, Ctrl-C, `kill -9`.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use crate::failure::Failure;
use crate::place::Place;

/// A shell process that holds a server. Dropping it stops the server and removes the directory.
pub(crate) struct Guard {
    shell: Child,
    /// `None` once we are dropped: closing it is the order to leave.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Guard {
    /// Its server is not started yet. `command` is the server's program with its arguments.
    pub(crate) fn post(
        place: &Place,
        stop_signal: &str,
        command: &[OsString],
    ) -> Result<Self, Failure> {
        let mut shell = place.command(Path::new("/bin/sh"));
        shell.args(["-c", SCRIPT, "guard"]).arg(place.path()).arg(stop_signal).args(command);
        // Ctrl-C at a terminal goes to its whole foreground group; tests that end on it should find
        // their server alive until they have.
        shell.process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = shell.spawn().map_err(Failure::cannot("start /bin/sh"))?;
        let pipes = shell.stdin.take().zip(shell.stdout.take());
        let (orders, answers) = pipes.ok_or_else(|| Failure::new("a shell without pipes"))?;
        Ok(Self { shell, orders: Some(orders), answers: BufReader::new(answers) })
    }

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
        let gone =
            || Failure::cannot::<std::io::Error>(format!("tell a server's guard to {order}"));
        let Some(orders) = &mut self.orders else {
            return Err(Failure::new("a guard that has left takes no orders"));
        };
        writeln!(orders, "{order}").map_err(gone())?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(gone())?;
        match answer.trim_end() {
            "" => Err(Failure::new(format!("a server's guard was told to {order}, and ended"))),
            answer => Ok(answer.to_owned()),
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
