//! Feeds whose log is not the one that the saved offset belongs to.

use std::path::PathBuf;

use ensue::store::LogId;
use ensue_http::{Error, ErrorKind, FeedEvent, FileCursor};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use crate::answer::{page, page_of, problem};
use crate::following::raise_many;
use crate::patience::within_patience;
use crate::scripted::Scripted;
use crate::seen::{Seen, consumer};
use crate::shop::Shop;

#[tokio::test]
async fn another_log_ends_the_run_before_any_of_it_is_handled() {
    let (log, other) = (LogId::new(), LogId::new());
    let server = Scripted::new([page_of(log, 1..=2), page_of(other, [3])]).await;
    let seen = Seen::default();

    let error = seen.follow(consumer(&server.url()), 9).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::OtherLog);
    let start = format!(
        "{} answers with the log {other}, and the saved offset 2 is of the log {log}; look",
        server.url()
    );
    assert!(error.to_string().starts_with(&start), "{error}");
    assert_eq!(seen.ids(), [1, 2]);
}

#[tokio::test]
async fn another_log_that_refuses_the_offset_is_told_as_another_log() {
    let (log, other) = (LogId::new(), LogId::new());
    let header = format!("ensue-log: {other}");
    let answers = [page_of(log, 1..=2), problem("409 Conflict", &header, "the log ends at 1")];
    let server = Scripted::new(answers).await;
    let error = Seen::default().follow(consumer(&server.url()), 9).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OtherLog);
}

#[tokio::test]
async fn a_page_that_no_longer_names_its_log_ends_the_run_and_an_outage_does_not() {
    let log = LogId::new();
    let outage = problem("503 Service Unavailable", "retry-after: 0", "busy");
    let answers = [page_of(log, [1]), outage, page_of(log, [2]), page([3])];
    let server = Scripted::new(answers).await;
    let seen = Seen::default();

    let error = seen.follow(consumer(&server.url()), 9).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::OtherLog);
    assert!(error.to_string().contains("does not say which log"), "{error}");
    assert_eq!(seen.ids(), [1, 2]);
}

#[tokio::test]
async fn a_log_that_is_named_by_no_identity_ends_the_run() {
    let server = Scripted::new([page_of("shop", [1])]).await;
    let error = Seen::default().follow(consumer(&server.url()), 9).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Answer);
}

/// The cursor saves the identity with the offset.
#[tokio::test]
async fn another_log_ends_the_next_run_too() {
    let (log, other) = (LogId::new(), LogId::new());
    let ends = std::iter::repeat_with(|| page_of(log, []));
    let server = Scripted::new([page_of(log, 1..=2)].into_iter().chain(ends.take(1_000))).await;
    let (_folder, cursor) = cursor();
    let seen = Seen::default();
    within_patience(seen.follow_with(&cursor, &server.url(), 2)).await.unwrap();
    assert_eq!(cursor.log().unwrap(), Some(log));

    let server = Scripted::new([page_of(other, [3])]).await;
    let error = within_patience(seen.follow_with(&cursor, &server.url(), 9)).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::OtherLog);
    assert_eq!(seen.ids(), [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_restored_to_an_earlier_moment_ends_the_run_of_a_reader_that_is_ahead() {
    let (shop, seen, (_folder, cursor)) = (Shop::new().await, Seen::default(), cursor());
    let mut server = shop.serve().await;
    raise_many(&shop, 3).await;
    let backup = backup(&shop).await;
    raise_many(&shop, 2).await;
    within_patience(seen.follow_with(&cursor, &server.url(), 5)).await.unwrap();

    server.serve(backup.clone()).await;

    let error = within_patience(seen.follow_with(&cursor, &server.url(), 9)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ahead);
    assert!(error.to_string().contains("the offset is 5 and the log ends at 3"), "{error}");
    assert_eq!((cursor.load().unwrap().get(), seen.count()), (5, 5));
}

/// The new identity reveals even a log that has outgrown the offset.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_log_with_a_new_identity_ends_the_run_of_whoever_has_read_the_old_one() {
    let (shop, seen, (_folder, cursor)) = (Shop::new().await, Seen::default(), cursor());
    let mut server = shop.serve().await;
    raise_many(&shop, 3).await;
    let backup = backup(&shop).await;
    within_patience(seen.follow_with(&cursor, &server.url(), 3)).await.unwrap();
    let options = SqliteConnectOptions::new().filename(&backup);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql("UPDATE ensue_log_meta SET epoch = lower(hex(randomblob(16)))")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();

    server.serve(backup).await;

    let error = within_patience(seen.follow_with(&cursor, &server.url(), 9)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OtherLog);
    assert_eq!(cursor.load().unwrap().get(), 3);
}

impl Seen {
    /// Follows the feed at `url` until `count` events or an error, with the offset in a file.
    async fn follow_with(&self, cursor: &FileCursor, url: &str, count: usize) -> Result<(), Error> {
        let handler = cursor.clone().each_event(async |event: FeedEvent| {
            self.push(event);
            Ok(())
        });
        consumer(url).run(handler, self.reaches(count)).await
    }
}

fn cursor() -> (TempDir, FileCursor) {
    let folder = tempfile::tempdir().unwrap();
    let cursor = FileCursor::new(folder.path().join("offset"));
    (folder, cursor)
}

/// Copies the shop's database in its current state.
async fn backup(shop: &Shop) -> PathBuf {
    let path = shop.path("backup.db");
    let options = SqliteConnectOptions::new().filename(shop.path("shop.db"));
    let mut connection = options.connect().await.unwrap();
    sqlx::query("VACUUM INTO ?")
        .bind(path.to_str().unwrap())
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    path
}
