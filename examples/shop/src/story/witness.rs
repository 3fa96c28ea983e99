//! Who looks at what has become true: in the shop, in its log, and at the services of others.

use ensue::store::Page;
use ensue::{BoxError, Entry, Events, Position, SubscriptionStatus};
use reqwest::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::application::Database;
use crate::web::{
    AddressBody, AuditEntryBody, BestSellerBody, OrderBody, ProductBody, SubscriptionBody,
};

/// LIMIT: what a story looks at in one go; it stores a handful.
const ENTRIES_MAX: u32 = 1_000;

pub(super) struct Witness<D: Database> {
    pub(super) client: Client,
    pub(super) shop: String,
    pub(super) payment_gateway: String,
    pub(super) delivery_service: String,
    pub(super) mail_service: String,
    pub(super) events: Events<D>,
}

/// What the payment gateway's books say of an order.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Refunds {
    pub(super) refunds: u32,
    pub(super) cents: i64,
    pub(super) repeated: u32,
    pub(super) refused: u32,
}

/// What the delivery service's books say of an order.
#[derive(Debug, Deserialize)]
pub(super) struct Delivery {
    #[serde(flatten)]
    pub(super) address: AddressBody,
    pub(super) changes: u32,
}

/// A mail that the mail service was given.
#[derive(Debug, Deserialize)]
pub(super) struct Mail {
    pub(super) to: String,
    pub(super) text: String,
}

/// About which orders somebody waits for an answer.
#[derive(Debug, Deserialize)]
struct Waiting {
    waiting: Vec<String>,
}

impl<D: Database> Witness<D> {
    pub(super) async fn order(&self, no: &str) -> Result<OrderBody, BoxError> {
        self.read(format!("{}/api/orders/{no}", self.shop)).await
    }

    pub(super) async fn in_stock(&self, code: &str) -> Result<u32, BoxError> {
        let stock: Vec<ProductBody> = self.read(format!("{}/api/stock", self.shop)).await?;
        let product = stock.into_iter().find(|product| product.product == code);
        Ok(product.ok_or_else(|| format!("there is no product `{code}`"))?.in_stock)
    }

    pub(super) async fn sold(&self, code: &str) -> Result<i64, BoxError> {
        let url = format!("{}/api/best-sellers", self.shop);
        let best_sellers: Vec<BestSellerBody> = self.read(url).await?;
        let product = best_sellers.into_iter().find(|product| product.product == code);
        Ok(product.map_or(0, |product| product.sold))
    }

    pub(super) async fn refunds(&self, no: &str) -> Result<Refunds, BoxError> {
        let url = format!("{}/refunds/{no}", self.payment_gateway);
        let mut refunds: Vec<Refunds> = self.read(url).await?;
        Ok(refunds.pop().unwrap_or_default())
    }

    pub(super) async fn delivery(&self, no: &str) -> Result<Option<Delivery>, BoxError> {
        self.read(format!("{}/deliveries/{no}", self.delivery_service)).await
    }

    pub(super) async fn payment_gateway_has_waiting(&self, no: &str) -> Result<bool, BoxError> {
        let url = format!("{}/behaviour", self.payment_gateway);
        let Waiting { waiting } = self.read(url).await?;
        Ok(waiting.iter().any(|order_no| order_no == no))
    }

    pub(super) async fn mails(&self) -> Result<Vec<Mail>, BoxError> {
        self.read(format!("{}/mails", self.mail_service)).await
    }

    pub(super) async fn mails_to(&self, recipient: &str) -> Result<Vec<String>, BoxError> {
        let mails = self.mails().await?.into_iter().filter(|mail| mail.to == recipient);
        Ok(mails.map(|mail| mail.text).collect())
    }

    pub(super) async fn audit_trail(&self, no: &str) -> Result<Vec<AuditEntryBody>, BoxError> {
        self.read(format!("{}/api/audit-trail/{no}", self.shop)).await
    }

    pub(super) async fn points(&self, no: &str) -> Result<i64, BoxError> {
        self.read(format!("{}/api/orders/{no}/points", self.shop)).await
    }

    /// What the shop shows an operator of a subscription.
    pub(super) async fn subscription(&self, name: &str) -> Result<SubscriptionBody, BoxError> {
        self.read(format!("{}/api/subscriptions/{name}", self.shop)).await
    }

    /// How far the log goes with everything that is committed: on a server, events get their
    /// positions a moment after that.
    pub(super) async fn head(&self) -> Result<Position, BoxError> {
        Ok(self.events.store().barrier().await?)
    }

    /// What was stored of an order after `head`.
    pub(super) async fn stored(&self, head: Position, no: &str) -> Result<Vec<Entry>, BoxError> {
        self.head().await?;
        let mut entries = self.events.store().entries(Page::new(head, ENTRIES_MAX)).await?;
        entries.retain(|entry| entry.envelope.key.as_deref() == Some(no));
        Ok(entries)
    }

    pub(super) async fn status(&self, subscription: &str) -> Result<SubscriptionStatus, BoxError> {
        Ok(self.events.status(subscription).await?)
    }

    pub(super) async fn read<T: DeserializeOwned>(&self, url: String) -> Result<T, BoxError> {
        Ok(self.client.get(url).send().await?.error_for_status()?.json().await?)
    }
}
