//! Readers of a log that is not the one they read before.

use ensue::store::{LogId, Page, Read};
use ensue::subscription::Unhandled;
use ensue::{Error, Log, Position, Subscriptions};
use ensue_http::Feed;
use ensue_sqlite::SqliteStore;
use serde_json::json;

use crate::answer::Answer;
use crate::shop::Shop;

#[tokio::test]
async fn an_offset_beyond_the_head_is_refused_with_the_head() {
    let shop = Shop::with_events(3).await;
    let feed = shop.feed();
    for query in
        ["?offset=4", "?offset=1000000", "?offset=9223372036854775807", "?offset=4&limit=0"]
    {
        let answer = Answer::to_get(&feed, query).await;
        assert_eq!(answer.status, 409, "{query}");
        assert_eq!(answer.header("content-type"), ["application/problem+json"]);
        assert!(answer.header("retry-after").is_empty());
        let problem = answer.json();
        assert_eq!(problem["type"], "/problems/offset-beyond-head");
        assert_eq!((&problem["head"], &problem["status"]), (&json!(3), &json!(409)));
        assert!(problem["detail"].as_str().unwrap().contains("the log ends at 3"), "{problem}");
    }
}

#[tokio::test]
async fn an_offset_beyond_the_head_of_a_pruned_log_is_refused_too() {
    let shop = Shop::with_events(3).await;
    shop.store.prune(Position::new(3), Unhandled::Keep).await.unwrap();
    let feed = shop.feed();
    assert_eq!(Answer::to_get(&feed, "?offset=3").await.body, "[]");
    assert_eq!(Answer::to_get(&feed, "?offset=4").await.json()["head"], 3);
}

#[tokio::test]
async fn an_offset_beyond_the_head_of_a_copy_that_lags_behind_is_asked_for_again() {
    let shop = Shop::with_events(3).await;
    let feed = Feed::new(Copy(shop.store.clone())).into_router();
    let answer = Answer::to_get(&feed, "?offset=4").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), ["1"]);
    assert_eq!(answer.json()["type"], "/problems/offset-not-reached");
    assert_eq!(answer.json()["head"], 3);
    assert_eq!(Answer::to_get(&feed, "?offset=2").await.ids(), [3]);
}

#[tokio::test]
async fn every_answer_of_a_log_names_it() {
    let shop = Shop::with_events(3).await;
    shop.store.prune(Position::new(1), Unhandled::Keep).await.unwrap();
    let identity = shop.store.identity().await.unwrap().to_string();
    let reopened = SqliteStore::open(shop.store.path()).await.unwrap();
    for feed in [shop.feed(), Feed::new(reopened).into_router()] {
        for query in ["?offset=1", "?offset=3", "", "?offset=9", "?limit=0"] {
            let answer = Answer::to_get(&feed, query).await;
            assert_eq!(answer.header("ensue-log"), [identity.as_str()], "{query}");
        }
    }
    let other = Answer::to_get(&Shop::new().await.feed(), "").await;
    assert_ne!(other.header("ensue-log"), [identity.as_str()]);
}

/// The store's documentation tells operators to do this after a restore to an earlier moment.
#[tokio::test]
async fn a_log_that_is_given_a_new_identity_is_named_by_it_at_once() {
    let shop = Shop::with_events(3).await;
    let feed = shop.feed();
    let before = Answer::to_get(&feed, "").await;
    let mut transaction = ensue::Transactions::begin(&shop.store).await.unwrap();
    sqlx::raw_sql("UPDATE ensue_log_meta SET epoch = lower(hex(randomblob(16)))")
        .execute(&mut *transaction)
        .await
        .unwrap();
    ensue::Transactions::commit(&shop.store, transaction).await.unwrap();
    let after = Answer::to_get(&feed, "").await;
    assert_ne!(after.header("ensue-log"), before.header("ensue-log"));
    assert_eq!(after.body, before.body);
}

/// A copy of the log, such as a replica.
#[derive(Clone)]
struct Copy(SqliteStore);

impl Log for Copy {
    async fn identity(&self) -> Result<LogId, Error> {
        self.0.identity().await
    }

    fn may_lag(&self) -> bool {
        true
    }

    async fn head(&self) -> Result<Position, Error> {
        self.0.head().await
    }

    async fn read(&self, page: Page) -> Result<Vec<Read>, Error> {
        self.0.read(page).await
    }

    async fn changed_elsewhere(&self) {
        self.0.changed_elsewhere().await;
    }
}
