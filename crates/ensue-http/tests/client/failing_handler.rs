//! Handlers that fail, and offsets that are not where they should be.

use std::error::Error;

use ensue::{BoxError, Position};
use ensue_http::{ErrorKind, FeedEvent, FeedHandler, FeedPage, FileCursor};

use crate::answer::page;
use crate::patience::within_patience;
use crate::scripted::Scripted;
use crate::seen::{Seen, consumer};

#[tokio::test]
async fn an_error_of_the_handler_ends_the_run_and_nothing_is_saved() {
    let (server, seen) = (Scripted::new([page(1..=3), page(1..=3)]).await, Seen::failing(1));

    let error = seen.follow(consumer(&server.url()), 3).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Handler);
    let message = "the page after position 0 up to 3 is not handled: out of ink";
    assert_eq!(error.to_string(), message);
    assert_eq!(error.source().unwrap().to_string(), "out of ink");
    seen.follow(consumer(&server.url()), 3).await.unwrap();
    assert_eq!(seen.ids(), [1, 2, 3]);
}

#[tokio::test]
async fn with_more_attempts_the_page_comes_again_and_nothing_is_passed_over() {
    let answers = [page(1..=2), page(1..=2), page(1..=2), page([3])];
    let (server, seen) = (Scripted::new(answers).await, Seen::failing(2));

    seen.follow(consumer(&server.url()).attempts(3), 3).await.unwrap();

    assert_eq!(seen.pages(), [vec![1, 2], vec![1, 2], vec![1, 2], vec![3]]);
    assert_eq!(seen.ids(), [1, 2, 3]);
}

#[tokio::test]
async fn the_last_attempt_ends_the_run() {
    let server = Scripted::new([page([1]), page([1]), page([1])]).await;
    let seen = Seen::failing(3);

    let error = seen.follow(consumer(&server.url()).attempts(3), 1).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Handler);
    assert_eq!(seen.pages().len(), 3);
}

#[tokio::test]
async fn a_handler_that_gets_on_has_all_its_attempts_again() {
    let pages = [page(1..=4), page(1..=4), page(2..=4), page(3..=4), page([4])];
    let server = Scripted::new(pages).await;
    let folder = tempfile::tempdir().unwrap();
    let (cursor, seen) = (FileCursor::new(folder.path().join("offset")), Seen::default());
    let mut failed = 0;
    // Each event fails at its first attempt.
    let handler = cursor.each_event(async |event: FeedEvent| {
        if event.id.get() > failed {
            failed = event.id.get();
            return Err("out of ink".into());
        }
        seen.push(event);
        Ok(())
    });
    let feed = consumer(&server.url()).attempts(2);

    within_patience(feed.run(handler, seen.reaches(4))).await.unwrap();

    assert_eq!(seen.ids(), [1, 2, 3, 4]);
}

#[tokio::test]
async fn an_offset_that_cannot_be_read_ends_the_run_without_a_request() {
    let (server, seen) = (Scripted::new([page([1])]).await, Seen::unreadable(1));

    let error = seen.follow(consumer(&server.url()), 1).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::SavedOffset);
    assert_eq!(error.to_string(), "cannot read the saved offset: the drawer is stuck");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn with_more_attempts_the_offset_is_read_again() {
    let (server, seen) = (Scripted::new([page([1])]).await, Seen::unreadable(2));
    seen.follow(consumer(&server.url()).attempts(3), 1).await.unwrap();
    assert_eq!(seen.ids(), [1]);
}

#[tokio::test]
async fn a_handler_that_does_not_save_ends_the_run_instead_of_seeing_the_page_for_ever() {
    let server = Scripted::new([page(1..=3)]).await;

    let run = consumer(&server.url()).run(Forgetful, std::future::pending());
    let error = within_patience(run).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::SavedOffset);
    let message = "the saved offset is 0 after the page up to 3 was handled; ";
    assert!(error.to_string().starts_with(message), "{error}");
}

struct Forgetful;

impl FeedHandler for Forgetful {
    async fn saved_offset(&mut self) -> Result<Position, BoxError> {
        Ok(Position::START)
    }

    async fn handle(&mut self, _page: FeedPage) -> Result<(), BoxError> {
        Ok(())
    }
}
