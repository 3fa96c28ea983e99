//! Opening a database file.

use ensue::store::Page;
use ensue::{ErrorKind, Log, Position, Subscriptions, raise};
use ensue_sqlite::{Events, SqliteStore};
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::task::JoinSet;

use crate::scratch::{OrderPlaced, PATIENCE, Scratch};

/// A connection of the user's own.
async fn connect(scratch: &Scratch) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(scratch.path()).create_if_missing(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}

async fn execute(scratch: &Scratch, statements: &'static str) {
    sqlx::raw_sql(statements).execute(&mut connect(scratch).await).await.unwrap();
}

#[tokio::test]
async fn a_database_in_memory_is_refused_and_says_what_to_do() {
    for path in [":memory:", "", "file:shop?mode=memory"] {
        let error = SqliteStore::open(path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains("temporary directory"), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_database_is_an_error_that_names_the_file() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path(), "certainly no database, but long enough to be one").unwrap();
    let error = SqliteStore::open(scratch.path()).await.unwrap_err();
    assert!(error.to_string().contains("test.db"), "{error}");
    let nowhere = scratch.path().join("nowhere/test.db");
    let error = SqliteStore::open(&nowhere).await.unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[tokio::test]
async fn a_database_in_utf_16_is_refused() {
    let scratch = Scratch::new();
    execute(&scratch, "PRAGMA encoding = 'UTF-16le'; CREATE TABLE mine (n INTEGER)").await;
    let error = SqliteStore::open(scratch.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("UTF-16le"), "{error}");
}

#[tokio::test]
async fn tables_of_a_newer_version_are_left_alone() {
    let scratch = Scratch::new();
    drop(scratch.store().await);
    execute(&scratch, "INSERT INTO ensue_migration VALUES (99, 'of the future', 0)").await;
    let error = SqliteStore::open(scratch.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("newer"), "{error}");
}

/// SQLite itself opens such a file without an error, and the first unit of work would fail.
#[tokio::test]
async fn a_file_that_cannot_be_written_is_refused_and_says_what_to_do() {
    let scratch = Scratch::new();
    drop(scratch.store().await);
    let options = SqliteConnectOptions::new().filename(scratch.path()).read_only(true);
    let error = SqliteStore::open_with(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("test.db` cannot be written"), "{error}");
    assert!(error.to_string().contains("open_read_only"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_opened_to_be_read_shows_the_log_and_refuses_units_of_work() {
    let scratch = Scratch::new();
    let writing = Events::builder(scratch.store().await).build().await.unwrap();
    raise_one(&writing).await.unwrap();
    let store = SqliteStore::open_read_only(scratch.path()).await.unwrap();
    raise_one(&writing).await.unwrap();
    assert_eq!(store.head().await.unwrap(), Position::new(2));
    assert_eq!(store.read(Page::new(Position::START, 10)).await.unwrap().len(), 2);
    assert_eq!(store.identity().await.unwrap(), writing.store().identity().await.unwrap());

    let reading = Events::builder(store.clone()).build().await.unwrap();
    let refused = raise_one(&reading).await.unwrap_err();
    assert!(refused.to_string().contains("readonly"), "{refused}");
    assert!(!refused.is_retryable());
    assert_eq!(store.head().await.unwrap(), Position::new(2));
}

#[tokio::test]
async fn what_is_not_there_or_not_migrated_cannot_be_opened_to_be_read() {
    let scratch = Scratch::new();
    assert!(SqliteStore::open_read_only(scratch.path()).await.is_err());
    assert!(!scratch.path().exists());
    drop(scratch.store().await);
    execute(&scratch, "DELETE FROM ensue_migration WHERE number = 2").await;
    let error = SqliteStore::open_read_only(scratch.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

async fn raise_one(events: &Events) -> Result<(), ensue::Error> {
    let run = events.run(async |_tx| {
        raise(OrderPlaced::of("A", 1));
        Ok::<_, ensue::Error>(())
    });
    run.await
}

#[tokio::test]
async fn our_tables_live_beside_the_users() {
    let scratch = Scratch::new();
    execute(&scratch, "CREATE TABLE mine (n INTEGER); INSERT INTO mine VALUES (7)").await;
    let store = scratch.store().await;
    let query = sqlx::query_scalar("SELECT n FROM mine");
    assert_eq!(query.fetch_one(store.reader()).await.ok(), Some(7_i64));
}

#[tokio::test]
async fn a_fresh_file_may_be_opened_by_many_at_once() {
    for _ in 0..50 {
        let scratch = Scratch::new();
        let mut opening = JoinSet::new();
        for _ in 0..8 {
            let path = scratch.path();
            opening.spawn(async move { SqliteStore::open(path).await.map(drop) });
        }
        while let Some(opened) = opening.join_next().await {
            opened.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn behind_a_link_the_file_is_found_all_the_same() {
    let scratch = Scratch::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("link.db");
    drop(scratch.store().await);
    std::os::unix::fs::symlink(scratch.path(), &link).unwrap();
    let (linked, direct) = (SqliteStore::open(&link).await.unwrap(), scratch.store().await);
    assert_eq!(linked.path(), direct.path());
    let events = Events::builder(direct).build().await.unwrap();
    let noticing = tokio::spawn(async move { linked.changed_elsewhere().await });
    let writing = async {
        loop {
            let run = events.run(async |_tx| {
                raise(OrderPlaced::of("A", 1));
                Ok::<_, ensue::Error>(())
            });
            run.await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        noticed = tokio::time::timeout(PATIENCE, noticing) => noticed.unwrap().unwrap(),
        () = writing => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stores_that_are_opened_at_once_on_an_empty_file_are_all_there() {
    for count in [2, 8, 32] {
        let scratch = Scratch::new();
        let mut opening = JoinSet::new();
        for number in 0..count {
            let path = scratch.path();
            opening.spawn(async move {
                let events = Events::builder(SqliteStore::open(path).await.unwrap());
                let events = events.build().await.unwrap();
                let run = events.run(async |_tx| {
                    raise(OrderPlaced::of(number.to_string(), 1));
                    Ok::<_, ensue::Error>(())
                });
                run.await.unwrap();
            });
        }
        opening.join_all().await;
        assert_eq!(scratch.store().await.head().await.unwrap(), Position::new(count));
    }
}

#[tokio::test]
async fn whoever_keeps_the_readers_holds_up_nobody_else() {
    let scratch = Scratch::new();
    let store = scratch.store().await;
    let mut kept = Vec::new();
    while let Some(reader) = store.reader().try_acquire() {
        kept.push(reader);
    }
    while kept.len() < 4 {
        kept.push(store.reader().acquire().await.unwrap());
    }
    let head = tokio::time::timeout(PATIENCE, store.head()).await;
    assert_eq!(head.unwrap().unwrap(), Position::START);
    let pending = tokio::time::timeout(PATIENCE, store.pending_requests()).await;
    assert_eq!(pending.unwrap().unwrap(), []);
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let scratch = Scratch::new();
    let store = scratch.store().await;
    let written = sqlx::query("DELETE FROM ensue_log").execute(store.reader()).await;
    assert!(written.unwrap_err().to_string().contains("readonly"));
}

#[tokio::test]
async fn an_acknowledged_commit_is_synced_unless_told_otherwise() {
    let scratch = Scratch::new();
    let events = Events::builder(scratch.store().await).build().await.unwrap();
    let run = events.run(async |tx| {
        let synchronous = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut **tx).await;
        Ok::<i64, ensue::BoxError>(synchronous?)
    });
    assert_eq!(run.await.unwrap(), 2, "FULL is 2");
}

#[tokio::test]
async fn positions_go_on_after_pruning() {
    let scratch = Scratch::new();
    let events = Events::builder(scratch.store().await).build().await.unwrap();
    for round in 0..3 {
        let run = events.run(async |_tx| {
            raise(OrderPlaced::of("A", round));
            Ok::<_, ensue::Error>(())
        });
        run.await.unwrap();
        execute(&scratch, "DELETE FROM ensue_log").await;
        assert_eq!(events.head().await.unwrap(), Position::new(round.unsigned_abs() + 1));
    }
    let rest = events.store().entries(Page::new(Position::new(3), 10)).await.unwrap();
    assert_eq!(rest, []);
}

#[tokio::test]
async fn the_last_to_close_takes_the_write_ahead_log_along() {
    let scratch = Scratch::new();
    let store = scratch.store().await;
    let log = scratch.path().with_extension("db-wal");
    assert!(log.exists());
    store.close().await;
    assert!(!log.exists());
    assert!(store.head().await.is_err());
}
