//! Orders are taken in one process; what ensues from them runs in another.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::customer::{Customer, Refunds};
use crate::patience::until;
use crate::premises::{Premises, on_each_database};

on_each_database! {
    what_the_web_process_cancels_is_refunded_by_the_forwarder_process,
    what_was_cancelled_before_the_first_forwarder_ran_is_refunded,
    a_forwarder_killed_at_any_moment_refunds_each_order_once,
}

/// What is on the shelves of a new shop.
const MUGS: u64 = 1_000;

const MUG_CENTS: i64 = 1_290;

/// One for each whole euro.
const POINTS_OF_A_MUG: i64 = 12;

/// How often the forwarder is killed.
const KILLS: usize = 12;

/// How many customers order and cancel at the same time.
const CUSTOMERS: usize = 2;

async fn what_the_web_process_cancels_is_refunded_by_the_forwarder_process(premises: Premises) {
    let web = premises.web();
    let forwarder = premises.forwarder();
    let customer = Customer::of(&web.url_of("shop"));
    let payment_gateway = forwarder.url_of("payment gateway");

    let order_no = customer.place_and_pay(2).await;
    customer.cancel(&order_no).await;
    let refunds = async || customer.refunds(&payment_gateway).await;
    until("it is refunded", async || !refunds().await.is_empty()).await;
    let once = Refunds { order_no, refunds: 1, cents: 2 * MUG_CENTS, repeated: 0 };
    assert_eq!(refunds().await, [once]);
}

async fn what_was_cancelled_before_the_first_forwarder_ran_is_refunded(premises: Premises) {
    let web = premises.web();
    let customer = Customer::of(&web.url_of("shop"));
    let order_no = customer.place_and_pay(1).await;
    customer.cancel(&order_no).await;

    let forwarder = premises.forwarder();
    let payment_gateway = forwarder.url_of("payment gateway");
    let refunds = async || customer.refunds(&payment_gateway).await;
    until("it is refunded", async || !refunds().await.is_empty()).await;
}

async fn a_forwarder_killed_at_any_moment_refunds_each_order_once(premises: Premises) {
    let web = premises.web();
    let customer = Customer::of(&web.url_of("shop"));

    let enough = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..CUSTOMERS)
        .map(|_| tokio::spawn(order_and_cancel(customer.clone(), Arc::clone(&enough))))
        .collect();
    kill_forwarders(&premises, &customer).await;
    enough.store(true, Ordering::Relaxed);
    let mut cancelled = BTreeSet::new();
    for customer in busy {
        cancelled.extend(customer.await.unwrap());
    }
    customer.place_and_pay(3).await;

    let forwarder = premises.forwarder();
    let payment_gateway = forwarder.url_of("payment gateway");
    let events = 3 * cancelled.len() + 2;
    customer.log_of(events).await;
    for subscription in ["refunds", "delivery", "best-sellers", "loyalty-points"] {
        let text = format!("`{subscription}` has handled everything");
        until(&text, async || customer.has_handled(subscription, events).await).await;
    }

    let refunds = customer.refunds(&payment_gateway).await;
    let is_wrong = |order: &&Refunds| order.refunds != 1 || order.cents != MUG_CENTS;
    assert_eq!(refunds.iter().find(is_wrong), None);
    let repeated: u32 = refunds.iter().map(|order| order.repeated).sum();
    println!("{} orders cancelled, {repeated} requests repeated", cancelled.len());
    let refunded: BTreeSet<_> = refunds.into_iter().map(|order| order.order_no).collect();
    assert_eq!(refunded, cancelled);
    for order_no in &cancelled {
        assert_eq!(customer.points(order_no).await, POINTS_OF_A_MUG, "of {order_no}");
    }
    assert_eq!(customer.in_stock("mug").await, MUGS - 3);
    assert_eq!(customer.mugs_sold().await, 3, "an event was counted twice, or not at all");
    let log = customer.log_of(events).await;
    assert_eq!(log.len(), events);
    assert!(log.iter().zip(1..).all(|(event, position)| event.id == position));
}

/// Starts one forwarder after the other, and kills each once it has done something.
async fn kill_forwarders(premises: &Premises, customer: &Customer) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..KILLS {
        let forwarder = premises.forwarder();
        let payment_gateway = forwarder.url_of("payment gateway");
        let refunds = async || customer.refunds(&payment_gateway).await.len();
        let before = refunds().await;
        until("something is refunded", async || refunds().await > before).await;
        // Not to wait for anything: this is the moment at which it dies.
        tokio::time::sleep(Duration::from_micros(random.u64(0..50_000))).await;
        forwarder.kill();
    }
}

/// Which orders were cancelled.
async fn order_and_cancel(customer: Customer, enough: Arc<AtomicBool>) -> Vec<String> {
    let mut cancelled = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let no = customer.place_and_pay(1).await;
        customer.cancel(&no).await;
        cancelled.push(no);
    }
    cancelled
}
