//! What a page shows, and which events are on it.

use ensue::{Envelope, Timestamp};
use ensue_http::Feed;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::shop::{Shop, event};

#[tokio::test]
async fn a_page_is_the_books_array_bit_for_bit() {
    let shop = Shop::new().await;
    shop.append(&[
        event(r#"{"order_no":"A-1"}"#),
        Envelope {
            event_type: "주문취소됨".into(),
            content_type: "text/plain; charset=utf-8".into(),
            occurred_at: Timestamp::from_micros(-1),
            ..event("{ \"이름\" :\t\"최범균 ☕\" }\r\n")
        },
        Envelope { event_type: "empty".into(), ..event("") },
    ])
    .await;

    let page = Answer::to_get(&shop.feed(), "?offset=0&limit=10").await;

    assert_eq!(
        page.body,
        concat!(
            r#"[{"id":1,"type":"order.placed","contentType":"application/json","#,
            r#""payload":"{\"order_no\":\"A-1\"}","timestamp":1700000000123},"#,
            r#"{"id":2,"type":"주문취소됨","contentType":"text/plain; charset=utf-8","#,
            r#""payload":"{ \"이름\" :\t\"최범균 ☕\" }\r\n","timestamp":-1},"#,
            r#"{"id":3,"type":"empty","contentType":"application/json","#,
            r#""payload":"","timestamp":1700000000123}]"#,
        )
    );
}

#[tokio::test]
async fn the_content_type_is_exactly_json() {
    let page = Answer::to_get(&Shop::new().await.feed(), "").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), ["application/json"]);
}

#[tokio::test]
async fn any_text_comes_back_verbatim() {
    let shop = Shop::new().await;
    let controls: String = (0..=0x9f).map(|code| char::from_u32(code).unwrap()).collect();
    let payloads =
        [controls.as_str(), "\u{feff}bom", "\u{2028}\u{2029}", "not json \\ \"", "🦀/</x>"];
    shop.append(&payloads.map(event)).await;

    let page = Answer::to_get(&shop.feed(), "").await.json();

    let shown: Vec<_> = page.as_array().unwrap().iter().map(|event| &event["payload"]).collect();
    assert_eq!(shown, payloads);
}

#[tokio::test]
async fn a_payload_that_is_not_utf_8_is_in_base64_and_its_content_type_says_so() {
    let shop = Shop::new().await;
    let content_type = "application/x-protobuf";
    let binary = |payload: &[u8]| Envelope { content_type: content_type.into(), ..event(payload) };
    shop.append(&[binary(&[0xfb, 0xff, 0xfe, 0x00]), binary(b"plain")]).await;

    let page = Answer::to_get(&shop.feed(), "").await.json();

    let encoded = json!(["application/x-protobuf;base64", "+//+AA=="]);
    let plain = json!(["application/x-protobuf", "plain"]);
    assert_eq!(json!([page[0]["contentType"], page[0]["payload"]]), encoded);
    assert_eq!(json!([page[1]["contentType"], page[1]["payload"]]), plain);
}

/// Otherwise a consumer would decode a payload that was never encoded.
#[tokio::test]
async fn a_content_type_that_ends_in_base64_itself_is_told_from_ours() {
    let shop = Shop::new().await;
    let content_type = "text/plain;base64";
    shop.append(&[Envelope { content_type: content_type.into(), ..event(b"abcd") }]).await;
    let page = Answer::to_get(&shop.feed(), "").await.json();
    let encoded = json!(["text/plain;base64;base64", "YWJjZA=="]);
    assert_eq!(json!([page[0]["contentType"], page[0]["payload"]]), encoded);
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_stands_in_its_place_and_says_why() {
    let shop = Shop::with_events(3).await;
    let good = Answer::to_get(&shop.feed(), "").await.json();
    shop.tamper(
        "UPDATE ensue_log SET headers = '{\"actor\":3}', recorded_at_us = 7000 WHERE position = 2",
    )
    .await;

    let page = Answer::to_get(&shop.feed(), "").await.json();

    assert_eq!((&page[0], &page[2]), (&good[0], &good[2]));
    let unreadable = json!({
        "id": 2,
        "type": "ensue.unreadable",
        "contentType": "application/json",
        "payload": concat!(
            r#"{"eventType":"order.placed","reason":"#,
            r#""`headers` is no JSON object of strings"}"#,
        ),
        "timestamp": 7,
    });
    assert_eq!(page[1], unreadable);
}

#[tokio::test]
async fn an_empty_log_gives_an_empty_array() {
    let page = Answer::to_get(&Shop::new().await.feed(), "").await;
    assert_eq!((page.status.as_u16(), page.body.as_str()), (200, "[]"));
}

#[tokio::test]
async fn an_offset_at_the_end_gives_an_empty_array() {
    let page = Answer::to_get(&Shop::with_events(3).await.feed(), "?offset=3").await;
    assert_eq!((page.status.as_u16(), page.body.as_str()), (200, "[]"));
}

#[tokio::test]
async fn without_an_offset_a_page_begins_at_the_first_event() {
    let shop = Shop::with_events(3).await;
    let feed = shop.feed();
    assert_eq!(Answer::to_get(&feed, "?limit=2").await.ids(), [1, 2]);
}

#[tokio::test]
async fn without_a_limit_a_page_has_a_hundred_events() {
    let shop = Shop::with_events(150).await;
    let feed = shop.feed();
    let expected: Vec<u64> = (21..=120).collect();
    assert_eq!(Answer::to_get(&feed, "?offset=20").await.ids(), expected);
}

#[tokio::test]
async fn a_limit_of_zero_gives_an_empty_array() {
    let page = Answer::to_get(&Shop::with_events(3).await.feed(), "?limit=0").await;
    assert_eq!((page.status.as_u16(), page.body.as_str()), (200, "[]"));
}

#[tokio::test]
async fn a_limit_above_a_thousand_is_taken_down_to_it() {
    let shop = Shop::with_events(1_005).await;
    let feed = shop.feed();
    for limit in ["1001", "4294967295", "4294967296", "4294967297", "9223372036854775807"] {
        let page = Answer::to_get(&feed, &format!("?limit={limit}")).await;
        assert_eq!(page.ids().len(), 1_000, "{limit}");
    }
}

#[tokio::test]
async fn a_page_limit_of_the_host_bounds_named_and_missing_limits() {
    let shop = Shop::with_events(9).await;
    let feed = Feed::new(shop.store.clone()).page_limit(4).into_router();
    for (query, count) in [("", 4), ("?limit=5", 4), ("?limit=4", 4), ("?limit=3", 3)] {
        assert_eq!(Answer::to_get(&feed, query).await.ids().len(), count, "{query}");
    }
}

#[tokio::test]
async fn a_page_limit_of_zero_still_lets_consumers_get_on() {
    let shop = Shop::with_events(3).await;
    let feed = Feed::new(shop.store.clone()).page_limit(0).into_router();
    assert_eq!(Answer::to_get(&feed, "?offset=1").await.ids(), [2]);
}

#[tokio::test]
async fn every_offset_with_every_limit_shows_the_same_events_of_one_log() {
    const COUNT: u64 = 12;
    let shop = Shop::with_events(12).await;
    let feed = shop.feed();
    for offset in 0..=COUNT {
        for limit in 0..=COUNT + 1 {
            let page = Answer::to_get(&feed, &format!("?offset={offset}&limit={limit}")).await;
            let expected: Vec<_> = (offset + 1..=COUNT.min(offset + limit)).collect();
            assert_eq!(page.ids(), expected, "offset {offset}, limit {limit}");
        }
    }
}

#[tokio::test]
async fn paging_with_any_limit_shows_every_event_once() {
    let shop = Shop::with_events(101).await;
    let feed = shop.feed();
    let all = Answer::to_get(&feed, "?limit=1000").await.json();
    for limit in (1..=17).chain([33, 50, 51, 99, 100, 101, 102, 1_000]) {
        assert_eq!(walk(&feed, limit).await, all, "limit {limit}");
    }
}

#[tokio::test]
async fn a_page_cut_short_by_its_bytes_loses_nothing() {
    const EACH: usize = ensue::store::Page::BYTES / 2 + 1;
    let shop = Shop::new().await;
    let payloads = ["a", "b", "c", "d", "e"].map(|letter| event(letter.repeat(EACH)));
    shop.append(&payloads).await;
    let feed = shop.feed();

    assert_eq!(Answer::to_get(&feed, "?limit=10").await.ids(), [1, 2]);
    assert_eq!(walk(&feed, 10).await.as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn an_event_larger_than_a_page_is_served_alone() {
    let shop = Shop::new().await;
    let huge = "x".repeat(ensue::store::Page::BYTES + 1);
    shop.append(&[event("1"), event(&huge), event("3")]).await;
    let feed = shop.feed();

    assert_eq!(Answer::to_get(&feed, "?offset=1").await.ids(), [2]);
    assert_eq!(walk(&feed, 100).await[1]["payload"], huge.as_str());
}

/// All pages of `limit` one after the other, by the consumer's arithmetic.
async fn walk(feed: &axum::Router, limit: u64) -> Value {
    let mut seen = Vec::new();
    loop {
        let query = format!("?offset={}&limit={limit}", seen.len());
        let page = Answer::to_get(feed, &query).await.json();
        match page.as_array().unwrap() {
            events if events.is_empty() => return seen.into(),
            events => seen.extend_from_slice(events),
        }
    }
}
