//! A private MariaDB.

use std::net::TcpStream;
use std::process::Command;

use servers::MariaDb;

#[test]
fn a_server_that_is_killed_and_started_again_has_its_data() {
    let mut mariadb = MariaDb::start().unwrap();
    query(&mariadb, "create database shop; create table shop.kept as select 7 as number");
    mariadb.kill().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", mariadb.port())).is_err());
    mariadb.restart().unwrap();
    assert_eq!(query(&mariadb, "select number from shop.kept"), "7");
    let directory = mariadb.directory().to_owned();
    drop(mariadb);
    assert!(!directory.exists());
}

/// What is measured and tortured has to be what users run.
#[test]
fn durability_is_what_mariadb_has_by_default() {
    let mariadb = MariaDb::start().unwrap();
    let settings = "select @@innodb_flush_log_at_trx_commit, @@innodb_doublewrite";
    assert_eq!(query(&mariadb, settings), "1\t1");
}

/// They share no place for their temporary tables.
#[test]
fn servers_that_start_at_once_all_start() {
    std::thread::scope(|scope| {
        let starting = [(); 3].map(|()| scope.spawn(|| MariaDb::start().unwrap()));
        for server in starting {
            assert_eq!(query(&server.join().unwrap(), "select 1"), "1");
        }
    });
}

fn query(mariadb: &MariaDb, sql: &str) -> String {
    let client = Command::new(mariadb.program("mariadb"))
        .args(["--no-defaults", "--host=127.0.0.1", "--user=ensue", "--skip-column-names"])
        .args([&format!("--port={}", mariadb.port()), "--batch", "--execute", sql])
        .output()
        .unwrap();
    assert!(client.status.success(), "`{sql}`: {}", String::from_utf8_lossy(&client.stderr));
    String::from_utf8(client.stdout).unwrap().trim_end().to_owned()
}
