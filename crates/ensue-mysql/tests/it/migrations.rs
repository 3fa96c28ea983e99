//! Tables that are made while others make them, or were made by others.

use std::time::Duration;

use ensue::store::{Page, position_of};
use ensue::{ErrorKind, Log, Position, Subscriptions};
use ensue_mysql::MysqlOptions;
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
    let names = "SELECT group_concat(name ORDER BY number) FROM ensue_migration";
    let names: String = database.ask(names).await;
    assert_eq!(names, "log,subscriptions,inbox,outbox_guard");
}

/// A row as another program may append it, but for one column.
fn row(column: &str, value: &str) -> String {
    let columns = [
        ("occurred_at_us", "1"),
        ("recorded_at_us", "1"),
        ("version", "1"),
        ("hops", "0"),
        ("event_id", "UUID()"),
        ("causation_id", "NULL"),
        ("type", "'ninth'"),
        ("content_type", "'application/json'"),
        ("payload", "'{}'"),
        ("correlation_id", "'story'"),
        ("headers", "NULL"),
    ];
    let names = columns.map(|(name, _)| name).join(", ");
    let values = columns.map(|(name, good)| if name == column { value } else { good }).join(", ");
    format!("INSERT INTO ensue_outbox ({names}) VALUES ({values})")
}

/// One that has waited since before is moved as it is.
#[tokio::test]
async fn a_row_that_nobody_could_read_is_refused_where_it_is_appended() {
    let database = Database::new().await;
    database.store().await;
    database.execute("ALTER TABLE ensue_outbox DROP CONSTRAINT ensue_outbox_guard").await;
    let guard = include_str!("../../src/migrations/0004_outbox_guard.sql");
    let waiting = row("headers", "'[]'");
    database.execute(waiting).await;
    for _ in 0..2 {
        database.execute(guard).await;
    }
    let mut connection = database.connect().await;
    for (column, value) in [
        ("event_id", "'nine'"),
        ("causation_id", "'nine'"),
        ("version", "-1"),
        ("version", "4294967296"),
        ("hops", "-1"),
        ("payload", "NULL"),
        ("headers", "''"),
        ("headers", "'[]'"),
        ("headers", "'{\"actor\":'"),
    ] {
        let insert = sqlx::raw_sql(AssertSqlSafe(row(column, value)));
        let refused = insert.execute(&mut connection).await.unwrap_err();
        assert!(refused.to_string().contains("ensue_outbox_guard"), "{refused}");
    }
    for headers in [r#"'{"a":": x","\\u0000":""}'"#, "' { } '"] {
        database.execute(row("headers", headers)).await;
    }
    let store = database.store().await;
    assert_eq!(store.barrier().await.unwrap().get(), 3);
    let read = store.read(Page::new(Position::START, 100)).await.unwrap();
    let first = position_of(&read[0]);
    assert!(first.get() == 1 && read[0].is_err() && read[1].is_ok() && read[2].is_ok(), "{read:?}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let database = Database::new().await;
    database.store().await;
    database.execute("INSERT INTO ensue_migration VALUES (1000, 'of tomorrow', 1)").await;
    let refused = database.store_options().connect().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Configuration);
    assert!(refused.to_string().contains("5 migrations"), "{refused}");
}

/// Statements that make tables are committed one by one.
#[tokio::test]
async fn what_a_process_has_left_half_made_is_made_by_the_next_one() {
    let database = Database::new().await;
    database.store().await;
    database.execute("DELETE FROM ensue_migration; DROP TABLE ensue_request, ensue_pause").await;
    let store = database.store().await;
    append(&store, &envelopes([0])).await;
    assert_eq!(store.barrier().await.unwrap().get(), 1);
    assert_eq!(store.pending_requests().await.unwrap(), []);
}

#[tokio::test]
async fn who_may_only_use_the_tables_can_use_them() {
    let database = Database::new().await;
    database.store().await;
    let user = &database.name()[..30];
    let grants = "CREATE USER 'USER'@'%';
        GRANT SELECT, INSERT, UPDATE, DELETE ON DATABASE.* TO 'USER'@'%'";
    database
        .execute(grants.replace("USER'", &format!("{user}'")).replace("DATABASE", database.name()))
        .await;
    let options = MysqlOptions::new(database.options().username(user));
    let store = options.connect().await.unwrap();
    append(&store, &envelopes([0])).await;
    let stands = tokio::time::timeout(Duration::from_secs(20), store.barrier()).await;
    assert_eq!(stands.unwrap().unwrap().get(), 1);
    drop(store);
    database.execute(format!("DROP USER '{user}'@'%'")).await;
}

#[tokio::test]
async fn a_url_without_a_database_is_refused() {
    let nowhere = MysqlOptions::new(servers::mysql_url().parse().unwrap());
    let refused = nowhere.connect().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_that_may_be_tried_again() {
    let nowhere = MysqlOptions::new("mysql://nobody@127.0.0.1:1/nothing".parse().unwrap());
    let error = nowhere.connect().await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("127.0.0.1"), "{error}");
}
