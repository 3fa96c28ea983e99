//! What these tests look at.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use servers::Postgres;

/// What `psql` says to a statement, at that URL.
pub(crate) fn query(postgres: &Postgres, url: &str, sql: &str) -> String {
    let psql = Command::new(postgres.program("psql"))
        .args(["--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--command", sql, url])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&psql.stderr);
    assert!(psql.status.success(), "`{sql}`: {complaint}");
    String::from_utf8(psql.stdout).unwrap().trim_end().to_owned()
}

/// The first line of the file that says who runs a cluster.
pub(crate) fn process_id(directory: &Path) -> u32 {
    let file = fs::read_to_string(directory.join("data/postmaster.pid")).unwrap();
    file.lines().next().unwrap().parse().unwrap()
}

pub(crate) fn is_running(process_id: u32) -> bool {
    let question = format!("kill -0 {process_id} 2>/dev/null");
    Command::new("sh").args(["-c", &question]).status().unwrap().success()
}

/// Looks again and again, but not forever.
pub(crate) fn comes_true(is_true: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if is_true() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}
