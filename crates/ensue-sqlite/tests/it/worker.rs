//! Other processes: the test program, started once more, with something to do.
//!
//! A file that needs some has a test `a_worker_with_nothing_to_do_ends`. It is the worker, told by
//! its environment what to do; without that it is a test like any other, and passes.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use ensue_sqlite::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};

use crate::scratch::Scratch;

const ROLE: &str = "ENSUE_TEST_ROLE";
const FILE: &str = "ENSUE_TEST_FILE";
const NAME: &str = "ENSUE_TEST_NAME";

/// A process, killed when the test is done with it.
pub(crate) struct Worker(Child);

impl Worker {
    /// Starts a worker of the file `tests`, in a role that it knows.
    pub(crate) fn start(tests: &str, scratch: &Scratch, role: &str, name: &str) -> Self {
        let program = Command::new(std::env::current_exe().unwrap());
        Self::start_by(program, tests, scratch, role, name)
    }

    /// As [`start`](Self::start), by a command that ends in the test program.
    pub(crate) fn start_by(
        mut program: Command,
        tests: &str,
        scratch: &Scratch,
        role: &str,
        name: &str,
    ) -> Self {
        let child = program
            .args(["--exact", &format!("{tests}::a_worker_with_nothing_to_do_ends")])
            .env(ROLE, role)
            .env(FILE, scratch.path())
            .env(NAME, name)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn has_succeeded(&mut self) -> Option<bool> {
        self.0.try_wait().unwrap().map(|status| status.success())
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.has_succeeded().is_some()
    }

    /// SIGKILL; whether it was still running.
    pub(crate) fn kill(&mut self) -> bool {
        let running = !self.has_ended();
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        running
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What this process is to do, if it is a worker.
pub(crate) struct Brief {
    pub(crate) role: String,
    pub(crate) name: String,
    pub(crate) file: PathBuf,
}

impl Brief {
    pub(crate) fn of_this_process() -> Option<Self> {
        let said = |what| std::env::var(what).ok();
        Some(Self { role: said(ROLE)?, name: said(NAME)?, file: said(FILE)?.into() })
    }

    /// A killed process loses nothing that it gave to the kernel, so the disk need not be waited for.
    pub(crate) async fn store(&self) -> SqliteStore {
        let options = SqliteConnectOptions::new().filename(&self.file);
        let options = options.synchronous(SqliteSynchronous::Normal);
        SqliteStore::open_with(options).await.unwrap()
    }
}
