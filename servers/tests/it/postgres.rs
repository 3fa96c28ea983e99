//! A private PostgreSQL.

use std::net::TcpStream;
use std::process::{Command, Stdio};

use servers::Postgres;

use crate::scratch::{comes_true, is_running, process_id, query};

#[test]
fn a_server_that_is_killed_and_started_again_has_its_data() {
    let mut postgres = Postgres::start().unwrap();
    let (url, killed) = (postgres.url(), process_id(postgres.directory()));
    query(&postgres, &url, "create table kept as select 7 as number");
    postgres.kill().unwrap();
    assert!(!is_running(killed));
    assert!(TcpStream::connect(("127.0.0.1", postgres.port())).is_err());
    postgres.restart().unwrap();
    assert_ne!(process_id(postgres.directory()), killed);
    assert_eq!(query(&postgres, &url, "select number from kept"), "7");
}

/// A session in the middle of a query does not notice that its server is gone, and a server does not
/// start while one is left.
#[test]
fn a_killed_server_takes_its_busy_sessions_with_it() {
    let mut postgres = Postgres::start().unwrap();
    let url = postgres.url();
    let busy = Command::new(postgres.program("psql"))
        .args(["--command", "select count(*) from generate_series(1, 1e12)", &url])
        .stderr(Stdio::null())
        .spawn();
    let mut busy = busy.unwrap();
    let busy_sessions = "select count(*) from pg_stat_activity \
                         where state = 'active' and pid <> pg_backend_pid()";
    assert!(comes_true(|| query(&postgres, &url, busy_sessions) == "1"));
    postgres.kill().unwrap();
    assert!(!busy.wait().unwrap().success());
    postgres.restart().unwrap();
    assert_eq!(query(&postgres, &url, busy_sessions), "0");
}

#[test]
fn a_server_that_runs_is_restarted_with_its_data() {
    let mut postgres = Postgres::start().unwrap();
    let url = postgres.url();
    query(&postgres, &url, "create table kept as select 7 as number");
    postgres.restart().unwrap();
    assert_eq!(query(&postgres, &url, "select number from kept"), "7");
}

#[test]
fn a_dropped_server_leaves_neither_a_process_nor_a_directory() {
    let postgres = Postgres::start().unwrap();
    let (process, directory) = (process_id(postgres.directory()), postgres.directory().to_owned());
    assert!(is_running(process) && directory.is_dir());
    drop(postgres);
    assert!(!is_running(process));
    assert!(!directory.exists());
}

#[test]
fn a_killed_server_that_is_dropped_leaves_no_directory() {
    let mut postgres = Postgres::start().unwrap();
    let directory = postgres.directory().to_owned();
    postgres.kill().unwrap();
    postgres.kill().unwrap();
    drop(postgres);
    assert!(!directory.exists());
}

/// What is measured and tortured has to be what users run.
#[test]
fn durability_is_what_postgresql_has_by_default() {
    let postgres = Postgres::start().unwrap();
    let changed = "select string_agg(name, ' ' order by name) from pg_settings \
                   where source = 'command line' and name <> 'data_directory'";
    let expected = "listen_addresses max_connections max_prepared_transactions port \
                    unix_socket_directories";
    assert_eq!(query(&postgres, &postgres.url(), changed), expected);
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let show = format!("show {setting}");
        assert_eq!(query(&postgres, &postgres.url(), &show), "on", "{setting}");
    }
}

#[test]
fn a_replica_follows_its_primary_and_can_only_be_read() {
    let primary = Postgres::start().unwrap();
    query(&primary, &primary.url(), "create table kept as select 7 as number");
    let replica = Postgres::replica_of(&primary).unwrap();
    let url = replica.url();
    assert_eq!(query(&replica, &url, "select number from kept"), "7");
    query(&primary, &primary.url(), "update kept set number = 8");
    assert!(comes_true(|| query(&replica, &url, "select number from kept") == "8"));
    assert_eq!(query(&replica, &url, "show transaction_read_only"), "on");
}
