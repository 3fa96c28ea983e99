//! The delivery service, over HTTP.

use std::time::Duration;

use ensue::BoxError;
use reqwest::Client;
use serde_json::json;

use super::http_answer::verify_done;
use crate::application::DeliveryService;
use crate::domain::{Address, OrderNo};

/// LIMIT: a service that takes longer is asked again later; nobody waits for it meanwhile.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(crate) struct HttpDeliveryService {
    client: Client,
    url: String,
}

impl HttpDeliveryService {
    pub(crate) fn new(url: &str) -> reqwest::Result<Self> {
        let client = Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        Ok(Self { client, url: format!("{url}/deliveries") })
    }
}

impl DeliveryService for HttpDeliveryService {
    async fn set_address(&self, order: &OrderNo, address: &Address) -> Result<(), BoxError> {
        let body = json!({ "street": address.street(), "city": address.city() });
        let request = self.client.put(format!("{}/{order}", self.url));
        verify_done(request.json(&body).send().await?).await
    }
}
