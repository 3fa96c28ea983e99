//! Transactions that the server, the driver or the user ends behind the unit of work's back.

use std::task::{Context, Waker};
use std::time::Duration;

use ensue::{BoxError, ErrorKind, Event, Position, Transactions, raise};
use ensue_mysql::{Events, MysqlStore, Tx};
use serde::{Deserialize, Serialize};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{Connection, MySqlConnection};

use crate::server::{Database, envelope, until_waiting, whole_log};

#[derive(Event, Serialize, Deserialize)]
struct OrderPlaced {
    order_no: String,
}

fn placed(order_no: &str) -> OrderPlaced {
    OrderPlaced { order_no: order_no.to_owned() }
}

async fn events(database: &Database) -> Events {
    database.execute("CREATE TABLE effect (name varchar(20) UNIQUE)").await;
    // A single connection, so that what one unit of work leaves is what the next one finds.
    let store = database.store_options().connections(1).connect().await.unwrap();
    Events::builder(store).build().await.unwrap()
}

async fn add_effect(tx: &mut Tx, name: &str) -> sqlx::Result<()> {
    let insert = sqlx::query("INSERT INTO effect VALUES (?)").bind(name);
    insert.execute(&mut **tx).await.map(drop)
}

async fn execute(tx: &mut Tx, statements: &'static str) -> sqlx::Result<()> {
    sqlx::raw_sql(statements).execute(&mut **tx).await.map(drop)
}

/// There are these effects and no event, and the next unit of work works.
async fn assert_clean(database: &Database, events: &Events, effects: &[&str]) {
    let found = "SELECT coalesce(group_concat(name ORDER BY name), '') FROM effect";
    assert_eq!(database.ask::<String>(found).await, effects.join(","));
    assert_eq!(whole_log(events.store()).await, [""; 0]);
    let next = events.run(async |tx| {
        raise(placed("next"));
        Ok::<_, BoxError>(add_effect(tx, "next").await?)
    });
    next.await.unwrap();
    assert_eq!(whole_log(events.store()).await.len(), 1);
}

/// InnoDB rolls back all of it, and the statements that follow are no part of anything.
#[tokio::test]
async fn a_transaction_that_a_deadlock_ended_commits_nothing_more() {
    let database = Database::new().await;
    let events = events(&database).await;
    database
        .execute("CREATE TABLE seat (number int PRIMARY KEY); INSERT INTO seat VALUES (1), (2)")
        .await;
    let store = events.store();
    let mut transaction = store.begin().await.unwrap();
    let lock = "SELECT * FROM seat WHERE number = 1 FOR UPDATE";
    sqlx::raw_sql(lock).fetch_all(&mut *transaction).await.unwrap();
    let other = tokio::spawn(lock_the_other_way_round(database.options()));
    until_waiting(&database, "the other way round").await;
    // It fails, and nobody looks.
    let lock = "SELECT * FROM seat WHERE number = 2 FOR UPDATE";
    let error = sqlx::raw_sql(lock).fetch_all(&mut *transaction).await.unwrap_err();
    assert!(MysqlStore::is_retryable(&error), "{error}");
    let insert = "INSERT INTO effect VALUES ('ghost')";
    sqlx::raw_sql(insert).execute(&mut *transaction).await.unwrap();
    store.append(&mut transaction, &[envelope("ghost")]).await.unwrap();
    let error = store.commit(transaction).await.unwrap_err();
    assert!(!error.is_retryable() && error.to_string().contains("over already"), "{error}");
    other.await.unwrap();
    assert_clean(&database, &events, &[]).await;
}

/// It has changed more than the other one, which therefore is the one to be rolled back.
async fn lock_the_other_way_round(options: MySqlConnectOptions) {
    let mut connection = MySqlConnection::connect_with(&options).await.unwrap();
    let first = "START TRANSACTION; INSERT INTO seat VALUES (3), (4), (5), (6);
        SELECT * FROM seat WHERE number = 2 FOR UPDATE";
    sqlx::raw_sql(first).fetch_all(&mut connection).await.unwrap();
    let second = "/* the other way round */ SELECT * FROM seat WHERE number = 1 FOR UPDATE";
    sqlx::raw_sql(second).fetch_all(&mut connection).await.unwrap();
    sqlx::raw_sql("ROLLBACK").execute(&mut connection).await.unwrap();
}

/// MySQL commits before and after it, and what comes later is another transaction.
#[tokio::test]
async fn a_statement_that_changes_tables_makes_the_commit_fail_and_what_comes_after_it_is_undone() {
    let database = Database::new().await;
    let events = events(&database).await;
    let run = events.run(async |tx| {
        add_effect(tx, "before").await?;
        execute(tx, "CREATE TABLE another (number int)").await?;
        add_effect(tx, "after").await?;
        raise(placed("ghost"));
        Ok::<_, BoxError>(())
    });
    let error = run.await.unwrap_err().to_string();
    assert!(error.contains("change tables outside of it"), "{error}");
    assert_clean(&database, &events, &["before"]).await;
}

#[tokio::test]
async fn a_commit_of_the_users_own_is_refused() {
    let database = Database::new().await;
    let events = events(&database).await;
    for (name, end) in [("one", "COMMIT"), ("two", "COMMIT; START TRANSACTION")] {
        let run = events.run(async |tx| {
            add_effect(tx, name).await?;
            execute(tx, end).await?;
            add_effect(tx, "ghost").await?;
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
        ["SELECT SLEEP(0.01)", "SELECT no_such_column", "INSERT INTO effect VALUES ('ghost')"];
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
        database.end_sessions().await;
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
        database.end_sessions().await;
        add_effect(tx, "ghost").await.unwrap_err();
        raise(placed("ghost"));
        Ok::<_, ensue::Error>(())
    });
    assert!(run.await.unwrap_err().is_retryable());
    assert_clean(&database, &events, &[]).await;
}

/// That it is over is found out by the commit, on the same way to the database.
#[tokio::test]
async fn an_append_to_a_transaction_that_is_over_appends_nothing() {
    let database = Database::new().await;
    let events = events(&database).await;
    let store = events.store();
    for (envelopes, end) in
        [(&[][..], "COMMIT"), (&[envelope("ghost")], "COMMIT"), (&[envelope("ghost")], "ROLLBACK")]
    {
        let mut transaction = store.begin().await.unwrap();
        sqlx::raw_sql(end).execute(&mut *transaction).await.unwrap();
        store.append(&mut transaction, envelopes).await.unwrap();
        let error = store.commit(transaction).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Store, false));
    }
    assert_clean(&database, &events, &[]).await;
}
