//! Transactions that SQLite, or the user, ends behind the unit of work's back.

use ensue::{BoxError, Position, Transactions, raise};
use ensue_sqlite::{Events, SqliteStore, Tx};

use crate::scratch::{OrderPlaced, Scratch, add_effect, effects};

async fn events(scratch: &Scratch) -> Events {
    let events = scratch.builder().await.build().await.unwrap();
    let unique = "CREATE UNIQUE INDEX one_each ON effect (name)";
    events.run(async |tx| execute(tx, unique).await).await.unwrap();
    events
}

async fn execute(tx: &mut Tx, statements: &'static str) -> Result<(), BoxError> {
    sqlx::raw_sql(statements).execute(&mut **tx).await?;
    Ok(())
}

/// The unit of work that failed has left nothing, and the next one works.
async fn assert_clean(events: &Events, effects_before: &[&str]) {
    assert_eq!(effects(events.store()).await, effects_before);
    assert_eq!(events.head().await.unwrap(), Position::START);
    let next = events.run(async |tx| {
        raise(OrderPlaced::of("next", 1));
        add_effect(tx, "next").await?;
        Ok::<_, BoxError>(())
    });
    next.await.unwrap();
    assert_eq!(events.head().await.unwrap(), Position::new(1));
}

#[tokio::test]
async fn a_transaction_that_a_failing_statement_ended_commits_nothing_more() {
    let scratch = Scratch::new();
    let events = events(&scratch).await;
    let run = events.run(async |tx| {
        add_effect(tx, "ghost").await?;
        // It fails, ends the transaction, and nobody looks.
        execute(tx, "INSERT OR ROLLBACK INTO effect VALUES ('ghost')").await.unwrap_err();
        raise(OrderPlaced::of("ghost", 1));
        Ok::<_, BoxError>(())
    });
    let error = run.await.unwrap_err().to_string();
    assert!(error.contains("the transaction is over already"), "{error}");
    assert_clean(&events, &[]).await;
}

#[tokio::test]
async fn the_error_that_ended_the_transaction_is_the_callers_and_the_next_one_works() {
    let scratch = Scratch::new();
    let events = events(&scratch).await;
    for _ in 0..3 {
        let run = events.run(async |tx| {
            add_effect(tx, "ghost").await?;
            execute(tx, "INSERT OR ROLLBACK INTO effect VALUES ('ghost')").await
        });
        let error = run.await.unwrap_err().to_string();
        assert!(error.contains("UNIQUE"), "{error}");
    }
    assert_clean(&events, &[]).await;
}

#[tokio::test]
async fn a_disk_that_was_full_is_no_reason_to_stop_for_good() {
    let scratch = Scratch::new();
    let events = events(&scratch).await;
    let fill = events.run(async |tx| {
        execute(tx, "PRAGMA max_page_count = 1").await?;
        let large = "x".repeat(10_000_000);
        Ok::<_, BoxError>(add_effect(tx, &large).await?)
    });
    let error = fill.await.unwrap_err().to_string();
    assert!(error.contains("full"), "{error}");
    let room = events.run(async |tx| execute(tx, "PRAGMA max_page_count = 1000000").await);
    room.await.unwrap();
    assert_clean(&events, &[]).await;
}

#[tokio::test]
async fn a_commit_of_the_users_own_is_refused() {
    let scratch = Scratch::new();
    let events = events(&scratch).await;
    let run = events.run(async |tx| {
        add_effect(tx, "committed by hand").await?;
        execute(tx, "COMMIT").await?;
        raise(OrderPlaced::of("ghost", 1));
        Ok::<_, BoxError>(())
    });
    let error = run.await.unwrap_err().to_string();
    assert!(error.contains("leave COMMIT and ROLLBACK to the unit of work"), "{error}");
    assert_clean(&events, &["committed by hand"]).await;
}

/// Were its progress recorded all the same, the entry would count as handled.
#[tokio::test]
async fn a_durable_handler_whose_transaction_is_over_has_no_progress() {
    async fn end_it(event: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
        add_effect(tx, &event.order_no).await?;
        execute(tx, "ROLLBACK").await
    }
    let scratch = Scratch::new();
    let once = ensue::RetryPolicy::default().attempts(1);
    for lanes in [1, 2] {
        let name = format!("on {lanes} lanes");
        let builder = scratch.builder().await;
        let builder = builder.subscription(&name, |s| s.on(end_it).retry(once).lanes(lanes));
        let events = builder.build().await.unwrap();
        let forwarder = events.forward();
        crate::scratch::place(&events, "ghost").await;
        crate::scratch::until(async || events.status(&name).await.unwrap().set_aside.len() == 1)
            .await;
        let set_aside = events.status(&name).await.unwrap().set_aside;
        assert_eq!(set_aside[0].state, ensue::subscription::SetAsideState::Parked);
        let message = &set_aside[0].failure.as_ref().unwrap().message;
        assert!(message.contains("the transaction is over already"), "{message}");
        assert!(effects(events.store()).await.is_empty());
        crate::scratch::shut_down(forwarder).await;
    }
}

#[tokio::test]
async fn the_drivers_own_begin_is_refused_at_once() {
    let scratch = Scratch::new();
    let events = events(&scratch).await;
    let run = events.run(async |tx| {
        let refused = sqlx::Connection::begin(&mut **tx).await.map(drop);
        assert!(refused.unwrap_err().to_string().contains("within a transaction"));
        Err::<(), BoxError>("on purpose".into())
    });
    run.await.unwrap_err();
    assert_clean(&events, &[]).await;
}

/// Nobody can roll it back, so its connection is closed; the next one is for the same file.
#[test]
fn a_transaction_that_outlives_its_runtime_is_rolled_back_and_another_connection_made() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (scratch, elsewhere) = (Scratch::new(), tempfile::tempdir().unwrap());
    let link = elsewhere.path().join("link.db");
    let first = runtime();
    let (store, transaction) = first.block_on(async {
        drop(scratch.builder().await);
        std::os::unix::fs::symlink(scratch.path(), &link).unwrap();
        let store = SqliteStore::open(&link).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        let ghost = sqlx::query("INSERT INTO effect VALUES ('ghost')");
        ghost.execute(&mut *transaction).await.unwrap();
        (store, transaction)
    });
    drop(first);
    drop(transaction);
    std::fs::remove_file(&link).unwrap();
    runtime().block_on(async {
        let mut transaction = store.begin().await.unwrap();
        let kept = sqlx::query("INSERT INTO effect VALUES ('kept')");
        kept.execute(&mut *transaction).await.unwrap();
        store.commit(transaction).await.unwrap();
        assert_eq!(effects(&scratch.store().await).await, ["kept"]);
    });
    assert!(!link.exists(), "a database was made where the link had been");
}
