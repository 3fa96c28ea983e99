//! A log that has forgotten its oldest events.

use ensue::subscription::Unhandled;
use ensue::{Position, Subscriptions};

use crate::answer::Answer;
use crate::shop::Shop;

#[tokio::test]
async fn an_offset_before_what_is_left_is_gone_and_is_told_where_to_go_on() {
    let shop = Shop::with_events(5).await;
    shop.store.prune(Position::new(3), Unhandled::Keep).await.unwrap();
    let feed = shop.feed();
    for query in ["", "?offset=0", "?offset=2&limit=1"] {
        let answer = Answer::to_get(&feed, query).await;
        assert_eq!(answer.status, 410, "{query}");
        assert_eq!(answer.header("content-type"), ["application/problem+json"]);
        assert_eq!(answer.json()["type"], "/problems/pruned");
        assert_eq!(answer.json()["oldestOffset"], 3);
    }
    assert_eq!(Answer::to_get(&feed, "?offset=3").await.ids(), [4, 5]);
    assert!(Answer::to_get(&feed, "?offset=5").await.ids().is_empty());
    assert!(Answer::to_get(&feed, "?offset=0&limit=0").await.ids().is_empty());
}
