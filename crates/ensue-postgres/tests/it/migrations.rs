//! Tables that are made while others make them, or were made by others.

use std::time::Duration;

use ensue::store::Page;
use ensue::{ErrorKind, Log, Position};
use ensue_postgres::PostgresOptions;
use sqlx::AssertSqlSafe;
use tokio::task::JoinSet;

use crate::server::{Database, append, envelopes};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_start_at_once_make_the_tables_once() {
    let database = Database::new().await;
    let mut starting = JoinSet::new();
    for number in 0..8 {
        let options = database.store_options();
        starting.spawn(async move {
            let store = options.connect().await.unwrap();
            append(&store, &envelopes([number])).await;
        });
    }
    starting.join_all().await;
    assert_eq!(database.store().await.barrier().await.unwrap().get(), 8);
    let names = "SELECT array_agg(name ORDER BY number) FROM ensue.migration";
    let names: Vec<String> = database.ask(names).await;
    let known = ["log", "sequencer", "subscriptions", "inbox", "horizon", "outbox_guard"];
    assert_eq!(names, known);
}

/// A row as another program may append it.
fn row(version: &str, hops: &str, headers: &str) -> String {
    format!(
        "INSERT INTO ensue.outbox
            (occurred_at_us, event_id, type, payload, correlation_id, version, hops, headers)
        VALUES (1, gen_random_uuid(), 'ninth', '{{}}', 'story', {version}, {hops}, {headers})"
    )
}

/// One that has waited since before is moved as it is.
#[tokio::test]
async fn a_row_that_nobody_could_read_is_refused_where_it_is_appended() {
    let database = Database::new().await;
    database.store().await;
    let unguard = "ALTER TABLE ensue.outbox DROP CONSTRAINT outbox_version,
        DROP CONSTRAINT outbox_hops, DROP CONSTRAINT outbox_headers_are_an_object_of_strings";
    database.execute(unguard).await;
    let guard = include_str!("../../src/migrations/0006_outbox_guard.sql");
    let waiting = row("1", "0", "'{\"actor\":3}'");
    database.execute(format!("BEGIN; {waiting}; {guard}; COMMIT")).await;
    let mut connection = database.connect().await;
    for (version, hops, headers) in [
        ("-1", "0", "NULL"),
        ("4294967296", "0", "NULL"),
        ("1", "-1", "NULL"),
        ("1", "0", "''"),
        ("1", "0", "'[]'"),
        ("1", "0", "'{\"actor\":3}'"),
        ("1", "0", "'{\"actor\":\"anna\",\"roles\":[\"admin\"]}'"),
        ("1", "0", "'{\"actor\":\"anna\",}'"),
    ] {
        let insert = sqlx::raw_sql(AssertSqlSafe(row(version, hops, headers)));
        let refused = insert.execute(&mut connection).await.unwrap_err();
        assert!(refused.to_string().contains("violates check constraint"), "{refused}");
    }
    for headers in [r#"'{"a":": x","\u0000":""}'"#, "' { } '", r#"' { "a" : "\"" , "b\\": "" } '"#]
    {
        database.execute(row("4294967295", "0", headers)).await;
    }
    let store = database.store().await;
    assert_eq!(store.barrier().await.unwrap().get(), 4);
    let read = store.read(Page::new(Position::START, 100)).await.unwrap();
    assert!(read[0].is_err() && read[1..].iter().all(Result::is_ok), "{read:?}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let database = Database::new().await;
    database.store().await;
    database.execute("INSERT INTO ensue.migration VALUES (1000, 'of tomorrow', 1)").await;
    let refused = database.store_options().connect().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Configuration);
    assert!(refused.to_string().contains("7 migrations"), "{refused}");
}

#[tokio::test]
async fn who_may_only_use_the_tables_can_use_them() {
    let database = Database::new().await;
    database.store().await;
    let user = format!("user_{}", database.name());
    let grants = "CREATE ROLE USER LOGIN; GRANT USAGE ON SCHEMA ensue TO USER;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ensue TO USER";
    database.execute(grants.replace("USER", &user)).await;
    let options = PostgresOptions::new(database.options().username(&user));
    let store = options.connect().await.unwrap();
    append(&store, &envelopes([0])).await;
    let stands = tokio::time::timeout(Duration::from_secs(20), store.barrier()).await;
    assert_eq!(stands.unwrap().unwrap().get(), 1);
    drop(store);
    database.execute(format!("DROP OWNED BY {user} CASCADE; DROP ROLE {user}")).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_that_may_be_tried_again() {
    let nowhere = PostgresOptions::new("postgres://nobody@127.0.0.1:1/nothing".parse().unwrap());
    let error = nowhere.connect().await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("127.0.0.1"), "{error}");
}
