//! Changes that a unit of work makes to its session.

use ensue::{BoxError, Event, raise};
use ensue_mysql::{Events, Tx};
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;

use crate::server::{Database, whole_log};

#[derive(Event, Serialize, Deserialize)]
struct OrderPlaced {
    order_no: String,
}

/// Returns events with a single connection, so that a unit of work finds what the previous one left.
async fn events(database: &Database) -> Events {
    let store = database.store_options().connections(1).connect().await.unwrap();
    Events::builder(store).build().await.unwrap()
}

async fn execute(tx: &mut Tx, statement: &str) -> sqlx::Result<()> {
    let statement = sqlx::raw_sql(AssertSqlSafe(statement.to_owned()));
    statement.execute(&mut **tx).await.map(drop)
}

/// Runs a unit of work that executes `statement`, raises an event, and then fails if `fails`.
async fn run(events: &Events, statement: &str, fails: bool) -> Result<(), BoxError> {
    let run = events.run(async |tx| {
        execute(tx, statement).await?;
        raise(OrderPlaced { order_no: "\u{c4}".to_owned() });
        if fails { Err::<(), BoxError>("it cannot".into()) } else { Ok(()) }
    });
    run.await
}

#[tokio::test]
async fn a_unit_of_work_that_uses_another_database_writes_into_no_other_log() {
    let (database, other) = (Database::new().await, Database::new().await);
    let (events, others) = (events(&database).await, events(&other).await);
    let elsewhere = format!("USE {}", other.name());
    for fails in [false, true] {
        let error = run(&events, &elsewhere, fails).await.unwrap_err().to_string();
        assert!(fails || error.contains("another database"), "{error}");
        run(&events, "SELECT 1", false).await.unwrap();
    }
    // Going there and back again does no harm.
    let and_back = format!("{elsewhere}; USE {}", database.name());
    run(&events, &and_back, false).await.unwrap();
    assert_eq!(whole_log(others.store()).await.len(), 0);
    assert_eq!(whole_log(events.store()).await.len(), 3);
}

#[tokio::test]
async fn another_character_set_makes_the_commit_fail() {
    let database = Database::new().await;
    let events = events(&database).await;
    let error = run(&events, "SET NAMES latin1", false).await.unwrap_err().to_string();
    assert!(error.contains("another character set"), "{error}");
    run(&events, "SELECT 1", false).await.unwrap();
    let log = whole_log(events.store()).await;
    assert!(log.len() == 1 && log[0].contains('\u{c4}'), "{log:?}");
}

/// Changes that a unit of work may make to its session, and that the next one must not find.
const LEFT: [&str; 14] = [
    "SET autocommit = 1",
    "SET sql_mode = ''",
    "SET NAMES latin1",
    "SET collation_connection = latin1_swedish_ci",
    "SET character_set_results = latin1",
    "SET time_zone = '+09:00'",
    "SET foreign_key_checks = 0",
    "SET unique_checks = 0",
    "SET sql_safe_updates = 1",
    "SET sql_select_limit = 1",
    "SET completion_type = 1",
    "SET completion_type = 2",
    "SET innodb_lock_wait_timeout = 1",
    "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
];

#[tokio::test]
async fn no_unit_of_work_finds_the_settings_that_another_one_has_left() {
    let database = Database::new().await;
    let events = events(&database).await;
    let before = settings(&events).await;
    for statement in LEFT {
        for fails in [false, true] {
            // The commit refuses some of them.
            drop(run(&events, statement, fails).await);
            assert_eq!(settings(&events).await, before, "{statement}");
        }
    }
}

async fn settings(events: &Events) -> Vec<Option<String>> {
    let read = events.run(async |tx| {
        let mut found = Vec::new();
        for name in [
            "DATABASE()",
            "@@autocommit",
            "@@sql_mode",
            "@@character_set_client",
            "@@character_set_results",
            "@@collation_connection",
            "@@time_zone",
            "@@foreign_key_checks",
            "@@unique_checks",
            "@@sql_safe_updates",
            "@@sql_select_limit",
            "@@completion_type",
            "@@innodb_lock_wait_timeout",
            "/*M! @@tx_isolation */ /*!80000 @@transaction_isolation */",
        ] {
            let read = format!("SELECT CAST({name} AS CHAR)");
            let read = sqlx::query_scalar(AssertSqlSafe(read)).persistent(false);
            found.push(read.fetch_one(&mut **tx).await?);
        }
        Ok::<_, BoxError>(found)
    });
    read.await.unwrap()
}
