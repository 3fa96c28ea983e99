//! The shop as four processes, each of which is killed again and again.

use std::collections::BTreeMap;
use std::time::Duration;

use ensue::BoxError;
use reqwest::{Client, Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Told;
use super::narrator::Narrator;
use super::patience::wait_for;
use super::stage::wanted;
use super::witness::{Delivery, Refunds};
use crate::process::Role;
use crate::processes::Processes;

/// How often each of them is killed.
const KILLS: u32 = 3;

/// After how long each is killed at first; then later and later, to meet it at something else.
const MOMENTS: [Duration; Role::APART.len()] = [
    Duration::from_millis(5),
    Duration::from_millis(12),
    Duration::from_millis(17),
    Duration::from_millis(23),
];

/// LIMIT: a request; whoever gets no answer asks again.
const TIMEOUT: Duration = Duration::from_secs(5);

const MUG_CENTS: i64 = 1_290;

/// What the customers did.
#[derive(Default)]
struct Done {
    cancelled: Vec<String>,
    /// Where each of these orders was last said to go.
    moved: BTreeMap<String, String>,
}

pub(crate) async fn tell(narrator: &mut Narrator, processes: &Processes) -> Told {
    narrator.chapter("Four processes, each killed again and again: nobody notices")?;
    narrator.says(
        "`web` takes orders, `forwarder` follows the log and tells RabbitMQ what others are to",
    )?;
    narrator.line("   know, `refunds` and `delivery` listen, each to a queue of its own.")?;
    let customer = Customer::of(processes.url_of("shop").await?)?;
    let done = order_while_they_die(narrator, processes, &customer).await?;
    check_kills(narrator, processes).await?;
    check_refunds(narrator, processes, &customer, &done).await?;
    check_deliveries(narrator, processes, &customer, &done).await?;
    check_log(narrator, &customer).await?;
    narrator.end()
}

async fn order_while_they_die(
    narrator: &Narrator,
    processes: &Processes,
    customer: &Customer,
) -> Result<Done, BoxError> {
    let mut done = Done::default();
    for round in 0..KILLS {
        for (role, moment) in Role::APART.into_iter().zip(MOMENTS) {
            narrator.says(&format!("`{}` is killed; customers cancel and move.", role.name()))?;
            let killing = async {
                tokio::time::sleep(moment * round).await;
                processes.kill(role).await
            };
            let (killed, acted) = tokio::join!(killing, customer.act(&mut done, round));
            killed.and(acted)?;
        }
    }
    Ok(done)
}

async fn check_kills(narrator: &mut Narrator, processes: &Processes) -> Told {
    for role in Role::APART {
        let look = async || Ok((processes.starts(role) > KILLS).then(|| processes.starts(role)));
        let (starts, _) = wait_for("another start", look).await?;
        let text = format!("`{}` was killed {KILLS} times, and goes on", role.name());
        narrator.fact(text, starts, KILLS + 1)?;
    }
    Ok(())
}

async fn check_refunds(
    narrator: &mut Narrator,
    processes: &Processes,
    customer: &Customer,
    done: &Done,
) -> Told {
    narrator.says("What ensued at the payment gateway:")?;
    let mut repeated = 0;
    for no in &done.cancelled {
        let refunds = wait_for("a refund", async || {
            let gateway = processes.url_of("payment gateway").await?;
            let found = customer.find::<Vec<Refunds>>(&format!("{gateway}/refunds/{no}")).await;
            Ok(found.and_then(|mut found| found.pop()).filter(|found| found.refunds > 0))
        });
        let (refunds, _) = refunds.await?;
        repeated += refunds.repeated;
        let once = (refunds.refunds, refunds.cents);
        narrator.fact(format!("the money for order {no} went back once"), once, (1, MUG_CENTS))?;
    }
    narrator.line(format!("       asked for again, and recognised: {repeated} times"))
}

async fn check_deliveries(
    narrator: &mut Narrator,
    processes: &Processes,
    customer: &Customer,
    done: &Done,
) -> Told {
    narrator.says("What ensued at the delivery service:")?;
    for (no, street) in &done.moved {
        let (delivery, _) = wait_for("an address", async || {
            let service = processes.url_of("delivery service").await?;
            let url = format!("{service}/deliveries/{no}");
            let found = customer.find::<Option<Delivery>>(&url).await.flatten();
            Ok(found.filter(|found| found.address.street == *street))
        })
        .await?;
        narrator.fact(
            format!("order {no} goes to {street}, where it was moved last"),
            &delivery.address.street,
            street,
        )?;
    }
    Ok(())
}

async fn check_log(narrator: &mut Narrator, customer: &Customer) -> Told {
    narrator.says("And the log:")?;
    let url = format!("{}/api/events?limit=1000", customer.shop);
    let events: Vec<Value> = customer.find(&url).await.ok_or("the feed does not answer")?;
    let dense = events.iter().zip(1..).all(|(event, position)| event["id"] == position);
    narrator.fact(format!("{} events, without a gap", events.len()), dense, true)
}

/// Somebody who asks until there is an answer, whoever is gone meanwhile.
struct Customer {
    client: Client,
    shop: String,
}

impl Customer {
    fn of(shop: String) -> reqwest::Result<Self> {
        Ok(Self { client: Client::builder().timeout(TIMEOUT).no_proxy().build()?, shop })
    }

    /// One order is cancelled, and another one moved twice.
    async fn act(&self, done: &mut Done, round: u32) -> Told {
        let no = self.place_and_pay().await?;
        self.cancel(&no).await?;
        done.cancelled.push(no);
        let no = self.place_and_pay().await?;
        for street in [format!("{round} High Street"), format!("{round} Castle Road")] {
            let body = json!({ "street": street, "city": "Leeds" });
            self.ask(Method::PUT, &format!("/api/orders/{no}/address"), &body).await?;
            done.moved.insert(no.clone(), street);
        }
        Ok(())
    }

    async fn place_and_pay(&self) -> Result<String, BoxError> {
        let (_, order) =
            self.ask(Method::POST, "/api/orders", &wanted(&[("mug", 1)], None)).await?;
        let no = order["order_no"].as_str().ok_or("an order without a number")?.to_owned();
        self.ask(Method::POST, &format!("/api/orders/{no}/pay"), &Value::Null).await?;
        Ok(no)
    }

    /// The shop refuses to cancel twice; whoever had no answer to the first time is content with that.
    async fn cancel(&self, no: &str) -> Told {
        self.ask(Method::POST, &format!("/api/orders/{no}/cancel"), &Value::Null).await.map(drop)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<(StatusCode, Value), BoxError> {
        let (answer, _) = wait_for("an answer of the shop", async || {
            let request = self.client.request(method.clone(), format!("{}{path}", self.shop));
            // No answer: it may be gone, and is asked again.
            let Ok(answer) = request.json(body).send().await else { return Ok(None) };
            let status = answer.status();
            if status.is_server_error() {
                return Ok(None);
            }
            Ok(Some((status, answer.json().await.unwrap_or_default())))
        })
        .await?;
        Ok(answer)
    }

    /// What somebody answers, if anybody is there.
    async fn find<T: DeserializeOwned>(&self, url: &str) -> Option<T> {
        let answer = self.client.get(url).send().await.ok()?.error_for_status().ok()?;
        answer.json().await.ok()
    }
}
