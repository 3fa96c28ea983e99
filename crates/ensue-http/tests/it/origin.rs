//! What a request brings along reaches the log.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, Request, Response};
use axum::routing::{get, post};
use ensue::store::Page;
use ensue::{Error, Event, Log, Position, raise};
use ensue_http::OriginLayer;
use ensue_sqlite::Events;
use serde::{Deserialize, Serialize};
use tower::ServiceExt;

use crate::shop::Shop;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[derive(Event, Serialize, Deserialize)]
#[event(type = "order.cancelled")]
struct OrderCancelled;

struct Site {
    app: Router,
    events: Events,
    _shop: Shop,
}

impl Site {
    async fn new(layer: OriginLayer) -> Self {
        let shop = Shop::new().await;
        let events = Events::builder(shop.store.clone()).build().await.unwrap();
        let app = Router::new()
            .route("/cancel", post(cancel_twice))
            .route("/look", get(async || "nothing happened"))
            .layer(layer)
            .with_state(events.clone());
        Self { app, events, _shop: shop }
    }

    async fn cancel(&self, headers: &[(&str, &str)]) -> Response<Body> {
        let request = Request::post("/cancel");
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        let answer = self.app.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer
    }

    /// Correlation id, trace context and the header `x-tenant` of each event.
    async fn log(&self) -> Vec<(String, Option<String>, Option<String>)> {
        let log = self.events.store().entries(Page::new(Position::START, 100)).await.unwrap();
        let envelopes = log.into_iter().map(|entry| entry.envelope);
        envelopes
            .map(|mut envelope| {
                let tenant = envelope.headers.remove("x-tenant");
                assert!(envelope.headers.is_empty());
                (envelope.correlation_id.to_string(), envelope.trace_context, tenant)
            })
            .collect()
    }
}

async fn cancel_twice(State(events): State<Events>) {
    for _ in 0..2 {
        let run = events.run(async |_tx| {
            raise(OrderCancelled);
            Ok::<_, Error>(())
        });
        run.await.unwrap();
    }
}

fn said(answer: &Response<Body>) -> &str {
    answer.headers()["x-correlation-id"].to_str().unwrap()
}

#[tokio::test]
async fn events_of_a_request_carry_its_correlation_and_its_trace() {
    let site = Site::new(OriginLayer::new().carry(["x-tenant"])).await;
    let headers = [("x-correlation-id", "req-7"), ("traceparent", TRACE), ("x-tenant", "acme")];
    let answer = site.cancel(&headers).await;
    assert_eq!(said(&answer), "req-7");
    let carried = ("req-7".to_owned(), Some(TRACE.to_owned()), Some("acme".to_owned()));
    assert_eq!(site.log().await, [carried.clone(), carried]);
}

#[tokio::test]
async fn a_request_that_brings_nothing_is_a_story_of_its_own_and_is_told_its_name() {
    let site = Site::new(OriginLayer::new()).await;
    let (first, second) = (site.cancel(&[]).await, site.cancel(&[]).await);
    assert_ne!(said(&first), said(&second));
    let stories: Vec<_> = site.log().await.into_iter().map(|(story, ..)| story).collect();
    assert_eq!(stories, [said(&first), said(&first), said(&second), said(&second)]);
}

#[tokio::test]
async fn what_is_not_well_formed_is_left_out() {
    let site = Site::new(OriginLayer::new().carry(["x-tenant"])).await;
    let endless = "x".repeat(129);
    let headers = [("x-correlation-id", &*endless), ("traceparent", "00-nonsense-01")];
    let answer = site.cancel(&headers).await;
    assert_ne!(said(&answer), endless);
    let story = said(&answer).to_owned();
    assert_eq!(site.log().await[0], (story, None, None));
    site.cancel(&[("traceparent", TRACE), ("traceparent", TRACE)]).await;
    assert_eq!(site.log().await[2].1, None);
    let endless = format!("cc{}-{}", &TRACE[2..], "x".repeat(255));
    let answer = site.cancel(&[("x-correlation-id", "a\tb"), ("traceparent", &endless)]).await;
    let (story, trace, _) = site.log().await[4].clone();
    assert_eq!((&*story, trace), (said(&answer), None));
    assert_ne!(story, "a\tb");
}

#[tokio::test]
async fn the_correlation_may_come_in_another_header() {
    let name = HeaderName::from_static("x-request-id");
    let site = Site::new(OriginLayer::new().correlation_header(name)).await;
    let answer = site.cancel(&[("x-request-id", "req-8")]).await;
    assert_eq!(answer.headers()["x-request-id"], "req-8");
    assert_eq!(site.log().await[1].0, "req-8");
}

#[tokio::test]
async fn a_request_in_which_nothing_happens_is_answered_as_ever() {
    let site = Site::new(OriginLayer::new()).await;
    site.send(Request::get("/look").body(Body::empty()).unwrap()).await;
    assert!(site.log().await.is_empty());
}
