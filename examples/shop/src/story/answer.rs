//! What the shop answered to a customer.

use std::time::{Duration, Instant};

use ensue::BoxError;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

pub(super) struct Answer {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) status: StatusCode,
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
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok(Self { method, path, status, body, took })
    }

    pub(super) fn text(&self, member: &str) -> String {
        self.body[member].as_str().unwrap_or_default().to_owned()
    }
}
