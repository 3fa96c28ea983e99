//! The processes of writers, from outside.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use ensue::BoxError;
use fastrand::Rng;

use crate::arena::FIRST_WRITER;
use crate::evidence::Witness;
use crate::run::Trial;

/// LIMIT: processes that write. More would only wait for a turn on two or four cores.
const PROCESSES: usize = 3;

/// LIMIT: writers of a process.
const WRITERS: u16 = 4;

/// The processes that write.
pub(crate) struct Writers<'a> {
    trial: &'a Trial,
    address: String,
    witness: Witness,
    processes: Vec<Process>,
    /// LIMIT: each is used once, which is enough for 15,000 kills.
    next_number: u16,
}

/// One of them. Dropped, it is killed.
struct Process {
    child: Child,
    /// Closing it is the order to end.
    input: Option<ChildStdin>,
    listener: Option<JoinHandle<Result<(), BoxError>>>,
}

impl<'a> Writers<'a> {
    pub(crate) fn start(
        trial: &'a Trial,
        address: String,
        witness: Witness,
    ) -> Result<Self, BoxError> {
        let mut writers = Self { trial, address, witness, processes: Vec::new(), next_number: 1 };
        for _ in 0..PROCESSES {
            writers.start_one()?;
        }
        Ok(writers)
    }

    /// SIGKILL to one, which another one with other writers replaces.
    pub(crate) fn kill_one(&mut self, rng: &mut Rng) -> Result<(), BoxError> {
        self.check()?;
        let process = self.processes.swap_remove(rng.usize(..self.processes.len()));
        process.kill()?;
        self.start_one()
    }

    /// An error if one has ended by itself; why, it has said on its standard error.
    pub(crate) fn check(&mut self) -> Result<(), BoxError> {
        for process in &mut self.processes {
            if let Some(status) = process.child.try_wait()? {
                return Err(format!("a process of writers ended with {status}").into());
            }
        }
        Ok(())
    }

    /// Has all of them finish what they are about.
    pub(crate) fn end(mut self) -> Result<(), BoxError> {
        self.check()?;
        for process in &mut self.processes {
            process.input = None;
        }
        self.processes.into_iter().try_for_each(Process::end)
    }

    fn start_one(&mut self) -> Result<(), BoxError> {
        if self.next_number >= FIRST_WRITER - WRITERS {
            return Err("too many processes were killed for one run".into());
        }
        let Trial { program, store, seed, .. } = self.trial;
        let (first, bulk) = (self.next_number, self.trial.bulk());
        self.next_number += WRITERS;
        let mut command = Command::new(program);
        command.args(["write", "--store", store, "--address", &self.address]);
        command.args(["--seed", &seed.to_string(), "--first-writer", &first.to_string()]);
        command.args(["--writers", &WRITERS.to_string(), "--bulk", &bulk.to_string()]);
        if let Some(pace) = self.trial.pace {
            let writers = u32::from(WRITERS) * u32::try_from(PROCESSES)?;
            command.args(["--pace", &(pace / writers).to_string()]);
        }
        self.processes.push(Process::start(command, self.witness.clone())?);
        Ok(())
    }
}

impl Process {
    fn start(mut command: Command, witness: Witness) -> Result<Self, BoxError> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let listener = output.map(|output| std::thread::spawn(move || listen(output, &witness)));
        Ok(Self { child, input, listener })
    }

    fn kill(mut self) -> Result<(), BoxError> {
        self.child.kill()?;
        self.child.wait()?;
        self.heard()
    }

    fn end(mut self) -> Result<(), BoxError> {
        let status = self.child.wait()?;
        self.heard()?;
        match status.success() {
            true => Ok(()),
            false => Err(format!("a process of writers ended with {status}").into()),
        }
    }

    /// Everything that it has told.
    fn heard(&mut self) -> Result<(), BoxError> {
        let Some(listener) = self.listener.take() else { return Ok(()) };
        listener.join().map_err(|_| "who listens to a process of writers has panicked")?
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended before.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The last line of a process that was killed may be none.
fn listen(output: ChildStdout, witness: &Witness) -> Result<(), BoxError> {
    let mut output = BufReader::new(output);
    let mut line = String::new();
    while output.read_line(&mut line)? > 0 && line.ends_with('\n') {
        witness.evidence().hear(line.parse()?);
        line.clear();
    }
    Ok(())
}
