//! A PgBouncer in front of a private PostgreSQL.

use servers::{PgBouncer, Postgres};

use crate::scratch::query;

#[test]
fn a_database_that_is_made_later_is_reached_through_it() {
    let postgres = Postgres::start().unwrap();
    let pgbouncer = PgBouncer::start(&postgres.url()).unwrap();
    query(&postgres, &postgres.url(), "create database later");
    let url = pgbouncer.url().replace("/postgres", "/later");
    assert_eq!(query(&postgres, &url, "select current_database()"), "later");
}

#[test]
fn transactions_of_one_client_may_be_served_by_another_ones_connection() {
    let postgres = Postgres::start().unwrap();
    let pgbouncer = PgBouncer::start(&postgres.url()).unwrap();
    let backend = || query(&postgres, &pgbouncer.url(), "select pg_backend_pid()");
    assert_eq!(backend(), backend());
}

#[test]
fn a_url_that_leads_nowhere_is_a_failure_with_the_log() {
    let failure = PgBouncer::start("mysql://127.0.0.1").err().unwrap().to_string();
    assert!(failure.contains("postgres://user:password@host:port/database"));
}
