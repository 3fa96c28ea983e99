//! Session state that a unit of work leaves, and the next one must not find.

use ensue::{BoxError, Event, raise};
use ensue_postgres::{Events, PostgresOptions};
use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, raw_sql};

use crate::server::{Database, whole_log};

#[derive(Event, Serialize, Deserialize)]
struct OrderPlaced {}

/// Statements whose effects outlast the transaction of a unit of work. `OTHER` is a role without rights.
const LEFT: [&str; 13] = [
    "SET search_path = elsewhere",
    "CREATE TEMP TABLE effect (name text)",
    "SET ROLE OTHER",
    "SET SESSION AUTHORIZATION OTHER",
    "SET default_transaction_read_only = on",
    "SET default_transaction_isolation = serializable",
    "SET statement_timeout = 60000",
    "SET lock_timeout = 60000",
    "SET synchronous_commit = off",
    "SET row_security = off",
    "SET session_replication_role = replica",
    "SET client_encoding = LATIN1",
    "SET ensue_unit_of_work.state = open",
];

/// Returns events with a single connection, so that a unit of work finds what the previous one left.
async fn events(options: PostgresOptions) -> Events {
    Events::builder(options.connections(1).connect().await.unwrap()).build().await.unwrap()
}

/// Creates a table `effect` on the usual search path, and another one of that name elsewhere.
async fn database() -> (Database, String) {
    let database = Database::new().await;
    let other = format!("other_{}", database.name());
    let tables = "CREATE TABLE effect (name text); CREATE SCHEMA elsewhere;
        CREATE TABLE elsewhere.effect (name text); CREATE TABLE elsewhere.outbox (name text)";
    database.execute(tables).await;
    database.execute(format!("CREATE ROLE {other}")).await;
    (database, other)
}

/// Runs a unit of work that writes a name not in every encoding to a table without naming its schema.
async fn work(events: &Events) -> Result<String, BoxError> {
    let run = events.run(async |tx| {
        raise(OrderPlaced {});
        raw_sql("INSERT INTO effect VALUES ('환불')").execute(&mut **tx).await?;
        let settings = "SELECT current_setting('transaction_isolation')
            || current_setting('synchronous_commit') || current_setting('timezone')
            || current_setting('statement_timeout') || current_setting('lock_timeout')
            || current_setting('row_security') || current_setting('session_replication_role')
            || current_user";
        let settings = sqlx::query_scalar(settings).persistent(false);
        Ok::<String, BoxError>(settings.fetch_one(&mut **tx).await?)
    });
    run.await
}

async fn assert_each_is_forgotten(database: &Database, other: &str, options: PostgresOptions) {
    let events = events(options).await;
    let before = work(&events).await.unwrap();
    for (number, left) in (1..).zip(LEFT) {
        let left = left.replace("OTHER", other);
        let leaving = events.run(async |tx| {
            raw_sql(AssertSqlSafe(left.clone())).execute(&mut **tx).await?;
            Ok::<_, BoxError>(())
        });
        leaving.await.unwrap();
        assert_eq!(work(&events).await.unwrap(), before, "{left}");
        let names = "SELECT coalesce(array_agg(name), '{}') FROM effect";
        let names: Vec<String> = database.ask(names).await;
        assert_eq!(names, vec!["환불"; number + 1], "{left}");
        assert_eq!(whole_log(events.store()).await.len(), number + 1, "{left}");
    }
    let elsewhere = "SELECT (SELECT count(*) FROM elsewhere.effect)
        + (SELECT count(*) FROM elsewhere.outbox)";
    assert_eq!(database.ask::<i64>(elsewhere).await, 0);
    events.store().close().await;
    database.execute(format!("DROP ROLE {other}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_unit_of_work_leaves_in_its_session_is_gone_before_the_next_one() {
    let (database, other) = database().await;
    assert_each_is_forgotten(&database, &other, database.store_options()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_unit_of_work_leaves_in_a_poolers_session_is_gone_before_the_next_one() {
    let (database, other) = database().await;
    assert_each_is_forgotten(&database, &other, database.pooled_options()).await;
}

/// A unit of work that changes its session still has its events in the store's log, or fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_of_work_appends_to_no_other_log_whatever_it_does_to_its_session() {
    let (database, other) = database().await;
    let decoy = "CREATE SCHEMA decoy; CREATE TABLE decoy.outbox (LIKE elsewhere.effect);
        CREATE FUNCTION decoy.clock_timestamp() RETURNS timestamptz LANGUAGE sql
        AS $$ SELECT timestamptz '1999-01-01' $$";
    database.execute(decoy).await;
    let events = events(database.store_options()).await;
    let mut done = 0;
    let more = ["SET search_path = decoy, pg_catalog", "SET LOCAL search_path = decoy, pg_catalog"];
    for said in LEFT.into_iter().chain(more) {
        let said = said.replace("OTHER", &other);
        let run = events.run(async |tx| {
            raise(OrderPlaced {});
            raw_sql(AssertSqlSafe(said.clone())).execute(&mut **tx).await?;
            Ok::<_, BoxError>(())
        });
        done += usize::from(run.await.is_ok());
        assert_eq!(whole_log(events.store()).await.len(), done, "{said}");
    }
    assert!(done >= 10, "{done}");
    let old = "SELECT count(*) FROM ensue.log WHERE recorded_at_us < 1600000000000000";
    assert_eq!(database.ask::<i64>(old).await, 0);
    events.store().close().await;
    database.execute(format!("DROP ROLE {other}")).await;
}

/// The driver still assumes that they exist.
#[tokio::test]
async fn a_unit_of_work_that_drops_what_is_prepared_costs_the_next_one_at_most() {
    let database = Database::new().await;
    database.execute("CREATE TABLE effect (name text)").await;
    let events = events(database.store_options()).await;
    let work = async || {
        let run = events.run(async |tx| {
            raise(OrderPlaced {});
            sqlx::query("INSERT INTO effect VALUES ('one')").execute(&mut **tx).await?;
            Ok::<_, BoxError>(())
        });
        run.await
    };
    work().await.unwrap();
    let deallocating = events.run(async |tx| {
        raw_sql("DEALLOCATE ALL").execute(&mut **tx).await?;
        Ok::<_, BoxError>(())
    });
    drop(deallocating.await);
    let next = work().await.is_ok();
    work().await.unwrap();
    assert_eq!(whole_log(events.store()).await.len(), 2 + usize::from(next));
}
