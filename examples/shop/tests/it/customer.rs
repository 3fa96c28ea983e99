//! Somebody who uses the shop over HTTP.

use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::patience::until;

#[derive(Clone)]
pub(crate) struct Customer {
    client: Client,
    shop: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct FeedEvent {
    pub(crate) id: u64,
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    pub(crate) payload: String,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Refunds {
    pub(crate) order_no: String,
    pub(crate) refunds: u32,
    pub(crate) cents: i64,
    pub(crate) repeated: u32,
}

impl Customer {
    pub(crate) fn of(shop: &str) -> Self {
        let client = Client::builder().no_proxy().build().unwrap();
        Self { client, shop: shop.to_owned() }
    }

    pub(crate) async fn place_and_pay(&self, mugs: u32) -> String {
        let no = self.place(&[("mug", mugs)]).await;
        self.post(&format!("/api/orders/{no}/pay"), Value::Null).await;
        no
    }

    pub(crate) async fn place(&self, lines: &[(&str, u32)]) -> String {
        let order = self.post("/api/orders", wanted(lines)).await;
        order["order_no"].as_str().unwrap().to_owned()
    }

    /// Whether the order was placed, or why not.
    pub(crate) async fn try_to_place(&self, lines: &[(&str, u32)]) -> StatusCode {
        let request = self.client.post(format!("{}/api/orders", self.shop));
        request.json(&wanted(lines)).send().await.unwrap().status()
    }

    /// Whether the order was cancelled, or why not.
    pub(crate) async fn try_to_cancel(&self, no: &str) -> StatusCode {
        let request = self.client.post(format!("{}/api/orders/{no}/cancel", self.shop));
        request.send().await.unwrap().status()
    }

    pub(crate) async fn cancel(&self, no: &str) {
        self.post(&format!("/api/orders/{no}/cancel"), Value::Null).await;
    }

    pub(crate) async fn cancel_coupled(&self, no: &str) {
        let request = self.client.post(format!("{}/api/coupled/orders/{no}/cancel", self.shop));
        request.send().await.unwrap().error_for_status().unwrap();
    }

    pub(crate) async fn change_address(&self, no: &str, street: &str) {
        let request = self.client.put(format!("{}/api/orders/{no}/address", self.shop));
        let request = request.json(&json!({ "street": street, "city": "Leeds" }));
        request.send().await.unwrap().error_for_status().unwrap();
    }

    /// Asks something of a subscription, and what is answered.
    pub(crate) async fn operate(
        &self,
        subscription: &str,
        verb: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        self.operate_within(600, subscription, verb, body).await
    }

    /// The same, if it is answered within `seconds`.
    pub(crate) async fn operate_within(
        &self,
        seconds: u32,
        subscription: &str,
        verb: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        let url = format!("{}/api/subscriptions/{subscription}/{verb}", self.shop);
        let request = self.client.post(url).header("prefer", format!("wait={seconds}"));
        let response = request.json(&body).send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    pub(crate) async fn state_of(&self, no: &str) -> String {
        let order: Value = self.read(&format!("{}/api/orders/{no}", self.shop)).await;
        order["state"].as_str().unwrap().to_owned()
    }

    /// Puts a service outside of the shop into a mood.
    pub(crate) async fn behaves(&self, service: &str, mode: &str) {
        let request = self.client.put(format!("{service}/behaviour"));
        let response = request.json(&json!({ "mode": mode })).send().await.unwrap();
        response.error_for_status().unwrap();
    }

    /// Whether somebody waits for the service's answer about an order.
    pub(crate) async fn waits_for(&self, service: &str, no: &str) -> bool {
        let behaviour: Value = self.read(&format!("{service}/behaviour")).await;
        behaviour["waiting"].as_array().unwrap().iter().any(|order_no| order_no == no)
    }

    pub(crate) async fn in_stock(&self, product: &str) -> u64 {
        let stock: Vec<Value> = self.read(&format!("{}/api/stock", self.shop)).await;
        of_product(product, &stock)["in_stock"].as_u64().unwrap()
    }

    pub(crate) async fn mugs_sold(&self) -> i64 {
        let sold: Vec<Value> = self.read(&format!("{}/api/best-sellers", self.shop)).await;
        of_product("mug", &sold)["sold"].as_i64().unwrap()
    }

    /// Who was sent mails, in their order.
    pub(crate) async fn mails(&self, mail_service: &str) -> Vec<String> {
        let mails: Vec<Value> = self.read(&format!("{mail_service}/mails")).await;
        mails.iter().map(|mail| mail["to"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) async fn points(&self, no: &str) -> i64 {
        self.read(&format!("{}/api/orders/{no}/points", self.shop)).await
    }

    /// Whether the subscription has handled everything up to `head`.
    pub(crate) async fn has_handled(&self, subscription: &str, head: usize) -> bool {
        let status = self.status(subscription).await;
        let cursor = status["cursor"].as_u64().unwrap();
        cursor >= head as u64 && status["set_aside"].as_array().unwrap().is_empty()
    }

    /// What became of the order's events that the subscription has set aside, the first first.
    pub(crate) async fn set_aside_of(&self, subscription: &str, no: &str) -> Vec<String> {
        let status = self.status(subscription).await;
        let entries = status["set_aside"].as_array().unwrap().iter();
        let of_order = entries.filter(|entry| entry["key"] == no);
        of_order.map(|entry| entry["state"].as_str().unwrap().to_owned()).collect()
    }

    /// Why the subscription is paused, if it is.
    pub(crate) async fn paused(&self, subscription: &str) -> Option<String> {
        self.status(subscription).await["paused"].as_str().map(str::to_owned)
    }

    async fn status(&self, subscription: &str) -> Value {
        self.read(&format!("{}/api/subscriptions/{subscription}", self.shop)).await
    }

    pub(crate) async fn delivery(&self, delivery_service: &str, no: &str) -> Value {
        self.read(&format!("{delivery_service}/deliveries/{no}")).await
    }

    pub(crate) async fn refunds(&self, payment_gateway: &str) -> Vec<Refunds> {
        self.read(&format!("{payment_gateway}/refunds")).await
    }

    pub(crate) async fn is_refunded(&self, payment_gateway: &str, no: &str) -> bool {
        let refunds = self.refunds(payment_gateway).await;
        refunds.iter().any(|order| order.order_no == no && order.refunds == 1)
    }

    pub(crate) fn feed(&self) -> String {
        format!("{}/api/events", self.shop)
    }

    /// The whole log, once it has so many events: on a server they get their positions a moment after
    /// the commit.
    pub(crate) async fn log_of(&self, events: usize) -> Vec<FeedEvent> {
        until("the log is complete", async || self.log().await.len() >= events).await;
        self.log().await
    }

    /// Page by page.
    async fn log(&self) -> Vec<FeedEvent> {
        let mut log: Vec<FeedEvent> = Vec::new();
        loop {
            let url = format!("{}?offset={}&limit=500", self.feed(), log.len());
            let page: Vec<FeedEvent> = self.read(&url).await;
            if page.is_empty() {
                return log;
            }
            log.extend(page);
        }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.shop)).json(&body);
        let response = request.send().await.unwrap();
        assert!(matches!(response.status(), StatusCode::OK | StatusCode::CREATED), "{response:?}");
        response.json().await.unwrap()
    }

    async fn read<T: DeserializeOwned>(&self, url: &str) -> T {
        let response = self.client.get(url).send().await.unwrap();
        response.error_for_status().unwrap().json().await.unwrap()
    }
}

fn wanted(lines: &[(&str, u32)]) -> Value {
    let line = |(product, quantity)| json!({ "product": product, "quantity": quantity });
    let lines: Vec<_> = lines.iter().copied().map(line).collect();
    let address = json!({ "street": "12 Mill Lane", "city": "York" });
    json!({ "lines": lines, "address": address })
}

fn of_product<'a>(code: &str, products: &'a [Value]) -> &'a Value {
    products.iter().find(|product| product["product"] == code).unwrap()
}
