//! Transactions that the server, the driver or the user ends behind the unit of work's back.

use std::task::{Context, Waker};
use std::time::Duration;

use ensue::{BoxError, Event, Position, Transactions, raise};
use ensue_postgres::{Events, Tx};
use serde::{Deserialize, Serialize};
use sqlx::Connection;

use crate::server::{Database, envelope, whole_log};

#[derive(Event, Serialize, Deserialize)]
struct OrderPlaced {
    order_no: String,
}

fn placed(order_no: &str) -> OrderPlaced {
    OrderPlaced { order_no: order_no.to_owned() }
}

async fn events(database: &Database) -> Events {
    database.execute("CREATE TABLE effect (name text UNIQUE)").await;
    // A single connection, so that what one unit of work leaves is what the next one finds.
    let store = database.store_options().connections(1).connect().await.unwrap();
    Events::builder(store).build().await.unwrap()
}

async fn add_effect(tx: &mut Tx, name: &str) -> sqlx::Result<()> {
    let insert = sqlx::query("INSERT INTO effect VALUES ($1)").bind(name);
    insert.execute(&mut **tx).await.map(drop)
}

async fn execute(tx: &mut Tx, statements: &'static str) -> sqlx::Result<()> {
    sqlx::raw_sql(statements).execute(&mut **tx).await.map(drop)
}

/// There are these effects and no event, and the next unit of work works.
async fn assert_clean(database: &Database, events: &Events, effects: &[&str]) {
    let found = "SELECT coalesce(array_agg(name ORDER BY name), '{}') FROM effect";
    assert_eq!(database.ask::<Vec<String>>(found).await, effects);
    assert_eq!(whole_log(events.store()).await, [""; 0]);
    let next = events.run(async |tx| {
        raise(placed("next"));
        Ok::<_, BoxError>(add_effect(tx, "next").await?)
    });
    next.await.unwrap();
    assert_eq!(whole_log(events.store()).await.len(), 1);
}

#[tokio::test]
async fn a_transaction_that_a_failing_statement_ended_commits_nothing_more() {
    let database = Database::new().await;
    let events = events(&database).await;
    for raises in [true, false] {
        let run = events.run(async |tx| {
            add_effect(tx, "ghost").await?;
            // It fails, and nobody looks.
            add_effect(tx, "ghost").await.unwrap_err();
            if raises {
                raise(placed("ghost"));
            }
            Ok::<_, BoxError>(())
        });
        let error = run.await.unwrap_err().to_string();
        assert!(error.contains("the transaction is over already"), "{error}");
    }
    assert_clean(&database, &events, &[]).await;
}

#[tokio::test]
async fn a_commit_that_the_server_turns_into_a_rollback_is_an_error() {
    let database = Database::new().await;
    let events = events(&database).await;
    let mut transaction = events.store().begin().await.unwrap();
    sqlx::raw_sql("no statement").execute(&mut *transaction).await.unwrap_err();
    assert!(events.store().commit(transaction).await.is_err());
    assert_clean(&database, &events, &[]).await;
}

#[tokio::test]
async fn a_commit_of_the_users_own_is_refused() {
    let database = Database::new().await;
    let events = events(&database).await;
    for (name, end) in [("one", "COMMIT"), ("two", "COMMIT; BEGIN")] {
        let run = events.run(async |tx| {
            add_effect(tx, name).await?;
            execute(tx, end).await?;
            raise(placed("ghost"));
            Ok::<_, BoxError>(())
        });
        let error = run.await.unwrap_err().to_string();
        assert!(error.contains("leave COMMIT and ROLLBACK to the unit of work"), "{error}");
    }
    assert_clean(&database, &events, &["one", "two"]).await;
}

#[tokio::test]
async fn the_drivers_own_begin_is_a_savepoint() {
    let database = Database::new().await;
    let events = events(&database).await;
    let run = events.run(async |tx| {
        let mut inner = tx.begin().await?;
        sqlx::query("INSERT INTO effect VALUES ('kept')").execute(&mut *inner).await?;
        inner.commit().await?;
        let mut inner = tx.begin().await?;
        sqlx::query("INSERT INTO effect VALUES ('undone')").execute(&mut *inner).await?;
        inner.rollback().await?;
        let mut inner = tx.begin().await?;
        sqlx::query("INSERT INTO effect VALUES ('dropped')").execute(&mut *inner).await?;
        drop(inner);
        add_effect(tx, "after").await?;
        Ok::<_, BoxError>(())
    });
    run.await.unwrap();
    assert_clean(&database, &events, &["after", "kept"]).await;
}

/// The driver then believes the whole transaction to be rolled back, and sees to it.
#[tokio::test]
async fn a_begin_of_the_drivers_that_is_dropped_half_way_takes_the_unit_of_work_with_it() {
    let database = Database::new().await;
    let events = events(&database).await;
    // A server that answers before the first look has nothing dropped half-way: it is tried again.
    let error = loop {
        let run = events.run(async |tx| {
            add_effect(tx, "ghost").await?;
            let is_half_way = {
                let mut begin = Box::pin(Connection::begin(&mut **tx));
                begin.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
            };
            raise(placed("ghost"));
            if is_half_way { Ok(()) } else { Err::<(), BoxError>("it was answered at once".into()) }
        });
        let error = run.await.unwrap_err().to_string();
        if error != "it was answered at once" {
            break error;
        }
    };
    assert!(error.contains("the transaction is over already"), "{error}");
    assert_clean(&database, &events, &[]).await;
}

#[tokio::test]
async fn a_transaction_that_is_dropped_in_the_middle_of_a_statement_leaves_its_connection_clean() {
    let database = Database::new().await;
    let events = events(&database).await;
    let statements =
        ["SELECT pg_sleep(0.01)", "SELECT 1 / 0", "INSERT INTO effect VALUES ('ghost')"];
    for (statement, polls) in statements.into_iter().flat_map(|one| (1..4).map(move |n| (one, n))) {
        let mut transaction = events.store().begin().await.unwrap();
        {
            let mut running = Box::pin(sqlx::query(statement).execute(&mut *transaction));
            for _ in 0..polls {
                let polled = running.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                if polled.is_ready() {
                    break;
                }
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        }
        drop(transaction);
        let next = events.run(async |tx| Ok::<_, BoxError>(execute(tx, "SELECT 1").await?));
        next.await.unwrap();
    }
    assert_clean(&database, &events, &[]).await;
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_replaced_before_anybody_notices() {
    let database = Database::new().await;
    let events = events(&database).await;
    for _ in 0..3 {
        let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        database.execute(others).await;
        events.run(async |_tx| Ok::<_, BoxError>(())).await.unwrap();
        assert_eq!(events.head().await.unwrap(), Position::START);
    }
    assert_clean(&database, &events, &[]).await;
}

#[tokio::test]
async fn a_connection_that_is_lost_in_the_middle_is_an_error_that_may_be_tried_again() {
    let database = Database::new().await;
    let events = events(&database).await;
    let run = events.run(async |tx| {
        let suicide = "SELECT pg_terminate_backend(pg_backend_pid())";
        sqlx::query(suicide).execute(&mut **tx).await.unwrap_err();
        raise(placed("ghost"));
        Ok::<_, ensue::Error>(())
    });
    assert!(run.await.unwrap_err().is_retryable());
    assert_clean(&database, &events, &[]).await;
}

#[tokio::test]
async fn an_append_to_a_transaction_that_is_over_appends_nothing() {
    let database = Database::new().await;
    let events = events(&database).await;
    let store = events.store();
    for envelopes in [&[][..], &[envelope("ghost")]] {
        let mut transaction = store.begin().await.unwrap();
        sqlx::raw_sql("COMMIT").execute(&mut *transaction).await.unwrap();
        assert!(!store.append(&mut transaction, envelopes).await.unwrap_err().is_retryable());
    }
    assert_clean(&database, &events, &[]).await;
}
