//! The mail service, over HTTP.

use std::time::Duration;

use ensue::BoxError;
use reqwest::Client;
use serde_json::json;

use crate::application::{Mailer, Recipient};

/// LIMIT: a mail that takes longer is lost; the next ones wait for it.
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(crate) struct HttpMailer {
    client: Client,
    url: String,
}

impl HttpMailer {
    pub(crate) fn new(url: &str) -> reqwest::Result<Self> {
        let client = Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        Ok(Self { client, url: format!("{url}/mails") })
    }
}

impl Mailer for HttpMailer {
    async fn send(&self, to: &Recipient, text: &str) -> Result<(), BoxError> {
        let body = json!({ "to": to.to_string(), "text": text });
        let response = self.client.post(&self.url).json(&body).send().await?;
        response.error_for_status().map(drop).map_err(|error| error.without_url().into())
    }
}
