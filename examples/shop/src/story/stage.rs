//! Where a story is told: who acts, who looks, and what the reader sees.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;

use ensue::{BoxError, Position};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::Told;
use super::answer::Answer;
use super::narrator::Narrator;
use super::patience::{PATIENCE, wait_for};
use super::witness::Witness;
use crate::application::Database;
use crate::process::Process;
use crate::terminal::Terminal;

/// The operator waits until the request is answered.
const PREFER: &str = "wait=300";

pub(crate) struct Stage<D: Database> {
    narrator: Narrator,
    /// Where the shop keeps its files.
    pub(super) folder: PathBuf,
    pub(super) witness: Witness<D>,
}

impl<D: Database> Stage<D> {
    pub(crate) fn new(terminal: &Terminal, process: &Process<D>) -> Result<Self, BoxError> {
        let client = Client::builder().timeout(PATIENCE).no_proxy().build()?;
        let listeners = process.listeners();
        let [(_, shop), (_, payment_gateway), (_, delivery_service), (_, mail_service)] =
            listeners.as_slice()
        else {
            return Err("a story needs the whole shop in one process".into());
        };
        let witness = Witness {
            client,
            shop: shop.clone(),
            payment_gateway: payment_gateway.clone(),
            delivery_service: delivery_service.clone(),
            mail_service: mail_service.clone(),
            events: process.events.clone(),
        };
        let folder = std::path::absolute(&process.folder)?;
        Ok(Self { narrator: Narrator::new(terminal), folder, witness })
    }

    /// Asks the shop, as its customers do.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, BoxError> {
        let url = format!("{}{path}", self.witness.shop);
        let request = self.witness.client.request(method, url).header("prefer", PREFER);
        let answer = Answer::to(match body {
            Some(body) => request.json(body),
            None => request,
        });
        let answer = answer.await?;
        self.aside(self.spoken(&answer))?;
        Ok(answer)
    }

    fn spoken(&self, Answer { method, path, status, took, .. }: &Answer) -> String {
        let request = format!("{method} {path}");
        format!("     {request:<40} {status}, in {took:.1?}")
    }

    /// An order of `lines`, placed.
    pub(super) async fn place(&self, lines: &[(&str, u32)]) -> Result<String, BoxError> {
        let answer = self.ask(Method::POST, "/api/orders", Some(&wanted(lines, None))).await?;
        Ok(answer.text("order_no"))
    }

    pub(super) async fn place_with_coupon(
        &self,
        lines: &[(&str, u32)],
        coupon: &str,
    ) -> Result<Answer, BoxError> {
        self.ask(Method::POST, "/api/orders", Some(&wanted(lines, Some(coupon)))).await
    }

    pub(super) async fn take_by_phone(
        &self,
        product: &str,
        coupon: Option<&str>,
    ) -> Result<Answer, BoxError> {
        let wanted = wanted(&[(product, 1)], coupon);
        self.ask(Method::POST, "/api/phone-orders", Some(&wanted)).await
    }

    pub(super) async fn check_out(&self, no: &str, street: &str) -> Result<Answer, BoxError> {
        let body = json!({ "street": street, "city": "Leeds" });
        self.ask(Method::POST, &format!("/api/orders/{no}/checkout"), Some(&body)).await
    }

    pub(super) async fn place_and_pay(&self, lines: &[(&str, u32)]) -> Result<String, BoxError> {
        let no = self.place(lines).await?;
        self.ask(Method::POST, &format!("/api/orders/{no}/pay"), None).await?;
        Ok(no)
    }

    pub(super) async fn cancel(&self, no: &str) -> Result<Answer, BoxError> {
        self.ask(Method::POST, &format!("/api/orders/{no}/cancel"), None).await
    }

    pub(super) async fn cancel_coupled(&self, no: &str) -> Result<Answer, BoxError> {
        self.ask(Method::POST, &format!("/api/coupled/orders/{no}/cancel"), None).await
    }

    pub(super) async fn change_address(&self, no: &str, street: &str) -> Result<Answer, BoxError> {
        let body = json!({ "street": street, "city": "Leeds" });
        self.ask(Method::PUT, &format!("/api/orders/{no}/address"), Some(&body)).await
    }

    /// Asks for a retry, as an operator; `which` is a position or a key.
    pub(super) async fn retry(
        &self,
        subscription: &str,
        which: (&str, Value),
        reason: &str,
    ) -> Result<Answer, BoxError> {
        let (name, value) = which;
        let body = json!({ name: value, "reason": reason });
        let path = format!("/api/subscriptions/{subscription}/retry");
        let answer = self.ask(Method::POST, &path, Some(&body)).await?;
        self.line(format!("       {body}"))?;
        self.line(format!("       answered {}", answer.body))?;
        Ok(answer)
    }

    /// Has a range of the log handled once more, as an operator.
    pub(super) async fn replay(
        &self,
        subscription: &str,
        (first, last): (u64, u64),
        reason: &str,
    ) -> Result<Answer, BoxError> {
        let body = json!({ "first": first, "last": last, "reason": reason });
        let path = format!("/api/subscriptions/{subscription}/replay");
        let answer = self.ask(Method::POST, &path, Some(&body)).await?;
        self.line(format!("       {body}"))?;
        self.line(format!("       answered {}", answer.body))?;
        Ok(answer)
    }

    /// Waits until the delivery service knows where an order goes.
    pub(super) async fn delivery_goes_to(&self, no: &str, street: &str) -> Told {
        let look = async || {
            let delivery = self.witness.delivery(no).await?;
            Ok(delivery.filter(|delivery| delivery.address.street == street).map(drop))
        };
        wait_for("the address at the delivery service", look).await.map(drop)
    }

    /// Waits until the payment gateway has given the money for an order back.
    pub(super) async fn is_refunded(&self, no: &str) -> Told {
        let look = async || {
            let refunds = self.witness.refunds(no).await?;
            Ok((refunds.refunds > 0).then_some(()))
        };
        wait_for("the refund", look).await.map(drop)
    }

    pub(super) async fn delivery_service_loses_its_books(&self) -> Told {
        let url = format!("{}/deliveries", self.witness.delivery_service);
        self.witness.client.delete(url).send().await?.error_for_status()?;
        Ok(())
    }

    /// Puts the payment gateway into a mood, for one order.
    pub(super) async fn payment_gateway_is(&self, mode: &str, no: &str) -> Told {
        let body = json!({ "mode": mode, "order_no": no });
        self.behave(&self.witness.payment_gateway, &body).await
    }

    pub(super) async fn delivery_service_is(&self, mode: &str, no: &str) -> Told {
        let body = json!({ "mode": mode, "order_no": no });
        self.behave(&self.witness.delivery_service, &body).await
    }

    pub(super) async fn mail_service_is(&self, mode: &str) -> Told {
        self.behave(&self.witness.mail_service, &json!({ "mode": mode })).await
    }

    async fn behave(&self, service: &str, behaviour: &Value) -> Told {
        let request = self.witness.client.put(format!("{service}/behaviour"));
        request.json(behaviour).send().await?.error_for_status()?;
        Ok(())
    }

    /// Waits until everything has ended that ensues after the commits and rollbacks so far.
    pub(super) async fn at_rest(&self) -> Told {
        let look = async || {
            let counts = self.witness.events.after_commit_counts();
            Ok((counts.waiting == 0).then_some(()))
        };
        wait_for("the handlers after the commit", look).await.map(drop)
    }

    /// The events of an order that were stored after `head`, of these types and no others.
    pub(super) async fn stored(
        &mut self,
        text: &str,
        head: Position,
        no: &str,
        types: &[&str],
    ) -> Told {
        let entries = self.witness.stored(head, no).await?;
        let found: Vec<_> = entries.iter().map(|entry| &*entry.envelope.event_type).collect();
        self.fact(text, &*found, types)?;
        entries.iter().try_for_each(|entry| {
            self.line(format!("     {:>4} {}", entry.position.get(), entry.envelope.event_type))
        })
    }
}

/// A stage has a narrator.
impl<D: Database> Deref for Stage<D> {
    type Target = Narrator;

    fn deref(&self) -> &Narrator {
        &self.narrator
    }
}

impl<D: Database> DerefMut for Stage<D> {
    fn deref_mut(&mut self) -> &mut Narrator {
        &mut self.narrator
    }
}

pub(super) fn wanted(lines: &[(&str, u32)], coupon: Option<&str>) -> Value {
    let line =
        |(product, quantity): &(&str, u32)| json!({ "product": product, "quantity": quantity });
    let lines: Vec<_> = lines.iter().map(line).collect();
    let address = json!({ "street": "12 Mill Lane", "city": "York" });
    json!({ "lines": lines, "coupon": coupon, "address": address })
}
