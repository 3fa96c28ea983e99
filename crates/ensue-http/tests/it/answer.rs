//! What the feed answers to a request.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn to(feed: &Router, method: Method, uri: &str) -> Self {
        let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
        let (head, body) = feed.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.into()).unwrap();
        Self { status: head.status, headers: head.headers, body }
    }

    pub(crate) async fn to_get(feed: &Router, query: &str) -> Self {
        Self::to(feed, Method::GET, &format!("/api/events{query}")).await
    }

    /// All values of the header, so that one sent twice is seen.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The positions on the page.
    pub(crate) fn ids(&self) -> Vec<u64> {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        let page = self.json();
        page.as_array().unwrap().iter().map(|event| event["id"].as_u64().unwrap()).collect()
    }
}
