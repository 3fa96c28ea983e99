//! What the shop answered to a customer.

use std::time::{Duration, Instant};

use ensue::BoxError;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

pub(super) struct Answer {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) status: StatusCode,
    /// The name of the story that the request began.
    pub(super) correlation_id: String,
    pub(super) body: Value,
    pub(super) took: Duration,
}

impl Answer {
    pub(super) async fn to(request: RequestBuilder) -> Result<Self, BoxError> {
        let (client, request) = request.build_split();
        let request = request?;
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let began = Instant::now();
        let response = client.execute(request).await?;
        let took = began.elapsed();
        let status = response.status();
        let correlation_id = correlation_id(&response);
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok(Self { method, path, status, correlation_id, body, took })
    }

    pub(super) fn text(&self, member: &str) -> String {
        self.body[member].as_str().unwrap_or_default().to_owned()
    }
}

fn correlation_id(response: &Response) -> String {
    let said = response.headers().get("x-correlation-id").and_then(|said| said.to_str().ok());
    said.unwrap_or_default().to_owned()
}
