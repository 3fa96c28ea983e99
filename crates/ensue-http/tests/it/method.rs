//! The feed is read-only.

use axum::Router;
use axum::http::Method;
use axum::routing::get;

use crate::answer::Answer;
use crate::shop::Shop;

#[tokio::test]
async fn any_other_method_is_refused_with_those_that_are_not() {
    let shop = Shop::with_events(1).await;
    let feed = shop.feed();
    let own = Method::from_bytes(b"PURGE").unwrap();
    for method in [
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::TRACE,
        own,
    ] {
        let answer = Answer::to(&feed, method.clone(), "/api/events?offset=0").await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), ["GET, HEAD"], "{method}");
        assert_eq!(answer.header("content-type"), ["application/problem+json"]);
        assert_eq!(answer.json()["type"], "/problems/method-not-allowed");
        assert_eq!(answer.json()["status"], 405);
        let detail = format!("the method is {method}; accepted are GET and HEAD");
        assert_eq!(answer.json()["detail"], detail);
        assert!(answer.json().get("parameter").is_none());
    }
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let shop = Shop::with_events(3).await;
    let feed = shop.feed();
    for query in ["", "?offset=9", "?offset=-1"] {
        let uri = format!("/api/events{query}");
        let get = Answer::to(&feed, Method::GET, &uri).await;
        let head = Answer::to(&feed, Method::HEAD, &uri).await;
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{query}");
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert_eq!(head.header("content-length"), [get.body.len().to_string()]);
    }
}

#[tokio::test]
async fn a_host_keeps_its_own_routes_and_its_own_not_found() {
    let shop = Shop::with_events(1).await;
    let host = Router::new()
        .route("/orders", get(async || "[]"))
        .fallback(async || "nothing here")
        .merge(shop.feed());

    assert_eq!(Answer::to(&host, Method::GET, "/orders").await.body, "[]");
    assert_eq!(Answer::to(&host, Method::GET, "/api/nothing").await.body, "nothing here");
    assert_eq!(Answer::to_get(&host, "").await.ids(), [1]);
    assert_eq!(Answer::to(&host, Method::POST, "/api/events").await.status, 405);
}

#[tokio::test]
async fn a_host_may_serve_it_under_its_own_path() {
    let shop = Shop::with_events(1).await;
    let host = Router::new().nest("/shop", shop.feed());
    assert_eq!(Answer::to(&host, Method::GET, "/shop/api/events").await.ids(), [1]);
}
