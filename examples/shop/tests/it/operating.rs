//! What an operator asks of a subscription over HTTP.

use reqwest::StatusCode;
use serde_json::json;

use crate::customer::Customer;
use crate::patience::until;
use crate::premises::{Premises, on_each_database};

on_each_database! {
    what_cannot_be_done_is_a_problem_that_says_why,
    a_skipped_event_has_no_effect_and_lets_the_next_of_its_order_go_on,
    a_paused_subscription_asks_no_gateway_until_it_is_resumed,
    what_nobody_runs_is_accepted_for_the_next_owner,
}

async fn what_cannot_be_done_is_a_problem_that_says_why(premises: Premises) {
    let shop = premises.all();
    let customer = Customer::of(&shop.url_of("shop"));
    for (subscription, verb, body, status, detail) in [
        (
            "refuns",
            "pause",
            json!({ "reason": "a slip" }),
            404,
            "there is no subscription `refuns`",
        ),
        ("refuns", "retry", entry("A-1"), 404, "there is no subscription `refuns`"),
        ("refunds", "retry", entry("A-1"), 409, "no entry of key `A-1` is set aside"),
        (
            "refunds",
            "skip",
            json!({ "position": 7, "reason": "" }),
            409,
            "entry 7 is not set aside",
        ),
        ("refunds", "skip", json!({ "reason": "" }), 422, UNCLEAR),
        ("refunds", "skip", json!({ "position": 7, "key": "A-1", "reason": "" }), 422, UNCLEAR),
    ] {
        let (found, answer) = customer.operate(subscription, verb, body).await;
        assert_eq!((found.as_u16(), answer["detail"].as_str()), (status, Some(detail)));
    }
    let (found, _) = customer.operate("refunds", "retry", json!({ "key": "A-1" })).await;
    assert_eq!(found, StatusCode::UNPROCESSABLE_ENTITY, "nobody said why");
}

const UNCLEAR: &str = "name the entry either by its `position` or by its `key`";

async fn a_skipped_event_has_no_effect_and_lets_the_next_of_its_order_go_on(premises: Premises) {
    let shop = premises.all();
    let customer = Customer::of(&shop.url_of("shop"));
    let delivery_service = shop.url_of("delivery service");
    let no = customer.place_and_pay(1).await;
    customer.behaves(&delivery_service, "refuse").await;
    customer.change_address(&no, "3 High Street").await;
    customer.change_address(&no, "8 Castle Road").await;
    let states = async || customer.set_aside_of("delivery", &no).await;
    until("both are set aside", async || states().await == ["parked", "queued"]).await;

    customer.behaves(&delivery_service, "ok").await;
    let (status, answer) = customer.operate("delivery", "skip", entry(&no)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    until("nothing is set aside", async || states().await.is_empty()).await;
    let delivery = customer.delivery(&delivery_service, &no).await;
    assert_eq!(delivery, json!({ "street": "8 Castle Road", "city": "Leeds", "changes": 1 }));
}

async fn a_paused_subscription_asks_no_gateway_until_it_is_resumed(premises: Premises) {
    let web = premises.web();
    let forwarder = premises.forwarder();
    let customer = Customer::of(&web.url_of("shop"));
    forwarder.url_of("payment gateway");
    let paused = json!({ "reason": "anna: the gateway moves" });
    customer.operate("refunds", "pause", paused).await;
    until("it is paused", async || customer.paused("refunds").await.is_some()).await;
    forwarder.kill();

    let no = customer.place_and_pay(1).await;
    customer.cancel(&no).await;
    let next = premises.forwarder();
    let gateway = next.url_of("payment gateway");
    // The other subscriptions show that it has come to the cancellation, had it been let.
    let log = customer.log_of(3).await.len();
    until("the others go on", async || customer.has_handled("loyalty-points", log).await).await;
    assert_eq!(customer.refunds(&gateway).await, []);
    assert_eq!(customer.paused("refunds").await.as_deref(), Some("anna: the gateway moves"));

    let resumed = json!({ "reason": "anna: it has moved" });
    customer.operate("refunds", "resume", resumed).await;
    until("it is refunded", async || customer.is_refunded(&gateway, &no).await).await;
    assert_eq!(customer.paused("refunds").await, None);
}

async fn what_nobody_runs_is_accepted_for_the_next_owner(premises: Premises) {
    let web = premises.web();
    let customer = Customer::of(&web.url_of("shop"));
    let first = premises.forwarder();
    first.url_of("payment gateway");
    first.kill();
    let reason = json!({ "reason": "anna: the gateway moves" });
    let (status, answer) = customer.operate_within(0, "refunds", "pause", reason).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");

    let _next = premises.forwarder();
    until("it is paused", async || customer.paused("refunds").await.is_some()).await;
}

fn entry(key: &str) -> serde_json::Value {
    json!({ "key": key, "reason": "anna: it was repaired" })
}
