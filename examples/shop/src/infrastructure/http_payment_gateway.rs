//! The payment gateway, over HTTP.

use std::time::Duration;

use ensue::{BoxError, EventId};
use reqwest::Client;
use serde_json::json;

use super::http_answer::verify_done;
use crate::application::PaymentGateway;
use crate::domain::{Money, OrderNo};

/// LIMIT: a slower gateway is retried later, unless the call is coupled. Longer than any busy machine takes,
/// so that the stories count each request once.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(crate) struct HttpPaymentGateway {
    client: Client,
    url: String,
}

impl HttpPaymentGateway {
    pub(crate) fn new(url: &str) -> reqwest::Result<Self> {
        let client = Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        Ok(Self { client, url: format!("{url}/refunds") })
    }
}

impl PaymentGateway for HttpPaymentGateway {
    async fn refund(&self, key: EventId, order: &OrderNo, amount: Money) -> Result<(), BoxError> {
        let body = json!({ "order_no": order, "cents": amount.cents() });
        let request = self.client.post(&self.url).header("Idempotency-Key", key.to_string());
        verify_done(request.json(&body).send().await?).await
    }
}
