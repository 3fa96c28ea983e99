//! Tables that are made while others make them, or were made by others.

use std::time::Duration;

use ensue::{ErrorKind, Log};
use ensue_postgres::PostgresOptions;
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
    assert_eq!(names, ["log", "sequencer", "subscriptions", "inbox", "horizon", "letter_hold"]);
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
