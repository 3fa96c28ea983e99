//! Tables that are made while others make them, or were made by others.

use std::time::Duration;

use ensue::{ErrorKind, Log, Subscriptions};
use ensue_mysql::MysqlOptions;
use tokio::task::JoinSet;

use crate::server::{Database, append, envelopes, whole_log};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_start_at_once_make_the_tables_once() {
    for many in [2, 8, 32] {
        let database = Database::new().await;
        let mut starting = JoinSet::new();
        for number in 0..many {
            let options = database.store_options();
            starting.spawn(async move {
                let store = options.connect().await.unwrap();
                append(&store, &envelopes([number])).await;
            });
        }
        starting.join_all().await;
        let stands = database.store().await.barrier().await.unwrap();
        assert_eq!(stands.get(), many as u64);
        let names = "SELECT group_concat(name ORDER BY number) FROM ensue_migration";
        let names: String = database.ask(names).await;
        assert_eq!(names, "log,subscriptions,inbox,outbox_bytes");
    }
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

/// The columns of an event in the outbox of the first version.
const EVENT: &str = "INSERT INTO ensue_outbox (
        occurred_at_us, recorded_at_us, version, hops, event_id, type, content_type, payload,
        correlation_id
    ) VALUES (1, 1, 1, 0, UUID(), 'order.placed', 'application/json', 'an old one', 'a story')";

/// Also in which a process of that version goes on writing.
#[tokio::test]
async fn what_waits_in_a_database_of_an_older_version_gets_its_position() {
    let database = Database::new().await;
    database.store().await.close().await;
    let older = "ALTER TABLE ensue_outbox DROP COLUMN bytes;
        DELETE FROM ensue_migration WHERE number >= 4";
    database.execute(format!("{older}; {EVENT}; {EVENT}")).await;
    let store = database.store_options().sequence_on_demand().connect().await.unwrap();
    database.execute(EVENT).await;
    let sized = "SELECT CAST(sum(bytes BETWEEN 200 AND 300) AS SIGNED) FROM ensue_outbox";
    assert_eq!(database.ask::<i64>(sized).await, 3);
    assert_eq!(whole_log(&store).await, ["an old one"; 3]);
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
