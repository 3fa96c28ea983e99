//! Runs the suite again and again on loaded processors.
//!
//! A test that fails once in many runs is a defect, and a loaded machine brings it out.

mod load;
mod verdicts;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use self::load::Load;
use self::verdicts::{Tally, Verdicts};
use crate::cargo::{Cargo, Ended};
use crate::failure::Failure;
use crate::terminal::say;
use crate::{step, test, with_servers};

/// LIMIT: a run of the suite on a loaded machine takes a tenth of this; only a hang reaches it.
const RUN_MAX: Duration = Duration::from_hours(2);

#[derive(clap::Args)]
pub(crate) struct Soak {
    /// Part of the names of the tests to run. Default: all tests
    filter: Option<String>,
    /// Number of runs
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Leave the processors to the tests
    #[arg(long)]
    quiet_machine: bool,
    /// Run the tests with plain cargo, also where nextest is installed
    #[arg(long)]
    without_nextest: bool,
}

impl Soak {
    #[cfg(test)]
    pub(crate) fn runs(&self) -> u32 {
        self.runs
    }

    pub(crate) fn run(&self) -> Result<(), Failure> {
        let surroundings = with_servers::start()?;
        let command = test::command(!self.without_nextest).with_servers(&surroundings);
        step::cargo("build", &command.clone().with_arguments(&["--no-run"]))?;
        let command =
            command.with_arguments(&["--no-fail-fast"]).with_arguments(self.filter.as_slice());
        say(&format!("==> soak: {} × {command}", self.runs));
        let logs = logs()?;
        let load = (!self.quiet_machine).then(Load::on_every_core);
        let mut tally = Tally::default();
        for run in 1..=self.runs {
            let log = logs.join(format!("run-{run}.log"));
            let verdicts = one_run(&command, &log)?;
            say(&format!("run {run} of {}: {verdicts}", self.runs));
            tally.add(&verdicts);
        }
        drop(load);
        tally.judge(self.runs, &logs)
    }
}

fn one_run(command: &Cargo, log: &Path) -> Result<Verdicts, Failure> {
    let began = Instant::now();
    let file = File::create(log).map_err(|error| unwritable(log, &error))?;
    let ended = command.run_into(file, RUN_MAX)?;
    let printed = fs::read(log).map_err(|error| unwritable(log, &error))?;
    let verdicts = Verdicts::of(&String::from_utf8_lossy(&printed), began.elapsed());
    match ended {
        Ended::TimedOut => Err(Failure::new(format!(
            "a run hung: it took longer than {} s; see the test in the last lines of {}",
            RUN_MAX.as_secs(),
            log.display()
        ))),
        Ended::Failed(status) if !verdicts.has_failures() => Err(Failure::new(format!(
            "`{command}` ended with {status} and named no failed test; see {}",
            log.display()
        ))),
        Ended::Failed(_) | Ended::Succeeded => Ok(verdicts),
    }
}

fn logs() -> Result<PathBuf, Failure> {
    let logs = PathBuf::from("target/soak");
    fs::create_dir_all(&logs).map_err(|error| unwritable(&logs, &error))?;
    Ok(logs)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write {}: {error}", path.display()))
}
