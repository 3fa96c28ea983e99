//! A process that is killed takes its servers with it.
//!
//! The test program starts itself as that process: `a_victim_without_a_role_ends` is it, told by its
//! environment what to do.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::{env, thread};

use servers::{PgBouncer, Postgres};

use crate::scratch::{comes_true, is_running, process_id};

const ROLE: &str = "SERVERS_TEST_VICTIM";

#[test]
fn servers_of_a_killed_process_end_and_leave_no_directory() {
    let mut victim = Victim::start();
    let directory = PathBuf::from(victim.line_after("directory "));
    let server = process_id(&directory);
    assert!(is_running(server));
    victim.process.kill().unwrap();
    victim.process.wait().unwrap();
    assert!(comes_true(|| !is_running(server)), "the server is still there");
    assert!(comes_true(|| !directory.exists()), "the directory is still there");
}

#[test]
fn a_victim_without_a_role_ends() {
    if env::var_os(ROLE).is_none() {
        return;
    }
    let postgres = Postgres::start().unwrap();
    let _pgbouncer = PgBouncer::start(&postgres.url()).unwrap();
    println!("\ndirectory {}", postgres.directory().display());
    loop {
        thread::park();
    }
}

/// Killed in the end, also when the test fails.
struct Victim {
    process: Child,
}

impl Victim {
    fn start() -> Self {
        let process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "abandoned::a_victim_without_a_role_ends", "--nocapture"])
            .env(ROLE, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { process }
    }

    fn line_after(&mut self, beginning: &str) -> String {
        let lines = BufReader::new(self.process.stdout.take().unwrap()).lines();
        let mut lines = lines.map(Result::unwrap);
        lines.find_map(|line| line.strip_prefix(beginning).map(String::from)).unwrap()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
