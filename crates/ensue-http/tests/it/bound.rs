//! The feed limits how many pages it reads at once.

use std::sync::Arc;

use axum::Router;
use ensue::store::{LogId, Page, Read};
use ensue::{Error, Log, Position};
use ensue_http::Feed;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::answer::Answer;

#[tokio::test]
async fn a_page_beyond_the_bound_is_a_problem_to_be_retried_and_asks_nothing_of_the_store() {
    let log = HeldLog::default();
    let feed = Feed::new(log.clone()).concurrent_reads(2).into_router();
    let reading = log.read_twice(&feed).await;

    let refused = Answer::to_get(&feed, "").await;

    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), ["1"]);
    assert_eq!(refused.header("content-type"), ["application/problem+json"]);
    assert_eq!(refused.json()["type"], "/problems/too-many-reads");
    assert_eq!(log.begun.available_permits(), 0);
    log.release.add_permits(2);
    assert!(reading.join_all().await.iter().all(|answer| answer.body == "[]"));
}

#[tokio::test]
async fn a_page_that_was_read_or_given_up_makes_room_for_another() {
    let log = HeldLog::default();
    let feed = Feed::new(log.clone()).concurrent_reads(2).into_router();
    for _ in 0..3 {
        let mut reading = log.read_twice(&feed).await;
        reading.shutdown().await;
    }
    log.release.add_permits(3);
    for _ in 0..3 {
        assert_eq!(Answer::to_get(&feed, "").await.body, "[]");
    }
}

#[tokio::test]
async fn a_bound_of_zero_still_lets_consumers_get_on() {
    let log = HeldLog::default();
    log.release.add_permits(1);
    let feed = Feed::new(log).concurrent_reads(0).into_router();
    assert_eq!(Answer::to_get(&feed, "").await.body, "[]");
}

/// An empty log that holds its pages until the test releases them.
#[derive(Clone)]
struct HeldLog {
    identity: LogId,
    begun: Arc<Semaphore>,
    release: Arc<Semaphore>,
}

impl Default for HeldLog {
    fn default() -> Self {
        let none = || Arc::new(Semaphore::new(0));
        Self { identity: LogId::new(), begun: none(), release: none() }
    }
}

impl HeldLog {
    /// Sends two requests, and returns once both are reading their pages.
    async fn read_twice(&self, feed: &Router) -> JoinSet<Answer> {
        let mut reading = JoinSet::new();
        for _ in 0..2 {
            let feed = feed.clone();
            reading.spawn(async move { Answer::to_get(&feed, "").await });
        }
        self.begun.acquire_many(2).await.unwrap().forget();
        reading
    }
}

impl Log for HeldLog {
    async fn identity(&self) -> Result<LogId, Error> {
        Ok(self.identity)
    }

    async fn head(&self) -> Result<Position, Error> {
        Ok(Position::START)
    }

    async fn read(&self, _: Page) -> Result<Vec<Read>, Error> {
        self.begun.add_permits(1);
        self.release.acquire().await.unwrap().forget();
        Ok(Vec::new())
    }

    async fn changed_elsewhere(&self) {
        std::future::pending::<()>().await;
    }
}
