//! A process that is killed takes its servers with it.
//!
//! The test program starts itself as that process: `a_victim_without_a_role_ends` is it, told by its
//! environment what to do.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::{env, thread};

use servers::{PgBouncer, Postgres, RabbitMq};

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

/// It has no graceful end, so it must not be stopped first: whoever is stopped when a process group
/// loses its last parent is sent SIGCONT by the system.
#[test]
fn a_rabbitmq_of_a_killed_process_ends_and_leaves_no_directory() {
    let mut victim = Victim::start_as("rabbitmq");
    let directory = PathBuf::from(victim.line_after("directory "));
    victim.process.kill().unwrap();
    victim.process.wait().unwrap();
    assert!(comes_true(|| !directory.exists()), "the directory is still there");
}

#[test]
fn a_victim_without_a_role_ends() {
    match env::var(ROLE).as_deref() {
        Err(_) => return,
        Ok("rabbitmq") => keep_a_rabbitmq(),
        Ok(_) => {}
    }
    let postgres = Postgres::start().unwrap();
    let _pgbouncer = PgBouncer::start(&postgres.url()).unwrap();
    println!("\ndirectory {}", postgres.directory().display());
    loop {
        thread::park();
    }
}

fn keep_a_rabbitmq() -> ! {
    let rabbitmq = RabbitMq::start().unwrap();
    println!("\ndirectory {}", rabbitmq.directory().display());
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
        Self::start_as("1")
    }

    fn start_as(role: &str) -> Self {
        let process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "abandoned::a_victim_without_a_role_ends", "--nocapture"])
            .env(ROLE, role)
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
