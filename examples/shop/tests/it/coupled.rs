//! A cancellation that calls the payment gateway itself, and one that leaves it to an event.

use std::time::Duration;

use crate::customer::Customer;
use crate::patience::until;
use crate::premises::{Premises, on_each_database};
use crate::program::Program;

on_each_database! {
    an_evented_cancellation_is_answered_while_the_gateway_is_held,
}

/// LIMIT: how long is looked at what must not happen. It never does in a shop as told, however slow
/// the machine is.
const A_MOMENT: Duration = Duration::from_millis(100);

async fn an_evented_cancellation_is_answered_while_the_gateway_is_held(premises: Premises) {
    let (_shop, customer, gateway) = open(&premises);
    let no = customer.place_and_pay(1).await;
    customer.behaves(&gateway, "hold").await;

    customer.cancel(&no).await;
    assert_eq!(customer.state_of(&no).await, "cancelled");
    until("the gateway is asked", async || customer.waits_for(&gateway, &no).await).await;
    assert!(!customer.is_refunded(&gateway, &no).await);

    customer.behaves(&gateway, "ok").await;
    until("it is refunded", async || customer.is_refunded(&gateway, &no).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupled_cancellation_waits_for_a_held_gateway_and_so_does_everybody_else_on_sqlite() {
    coupled_cancellation_holds_up(&Premises::on_sqlite(), "tea").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupled_cancellation_waits_for_a_held_gateway_and_so_does_who_wants_the_same_on_postgres()
 {
    coupled_cancellation_holds_up(&Premises::on_postgres().await, "mug").await;
}

/// A mug is cancelled, and while that waits, somebody orders `product` in vain.
async fn coupled_cancellation_holds_up(premises: &Premises, product: &'static str) {
    let (_shop, customer, gateway) = open(premises);
    let no = customer.place_and_pay(1).await;
    customer.behaves(&gateway, "hold").await;

    let (coupled, order_no) = (customer.clone(), no.clone());
    let mut cancelling = tokio::spawn(async move { coupled.cancel_coupled(&order_no).await });
    until("the gateway is asked", async || customer.waits_for(&gateway, &no).await).await;
    let somebody_else = customer.clone();
    let mut placing = tokio::spawn(async move { somebody_else.place(&[(product, 1)]).await });
    assert!(tokio::time::timeout(A_MOMENT, &mut cancelling).await.is_err(), "it did not wait");
    assert!(tokio::time::timeout(A_MOMENT, &mut placing).await.is_err(), "nobody was held up");
    assert_eq!(customer.state_of(&no).await, "paid");

    customer.behaves(&gateway, "ok").await;
    cancelling.await.unwrap();
    placing.await.unwrap();
    assert_eq!(customer.state_of(&no).await, "cancelled");
    assert!(customer.is_refunded(&gateway, &no).await);
}

/// It would wait for the answer in vain: the gateway is released only after that.
#[tokio::test(flavor = "multi_thread")]
async fn a_coupled_cancellation_does_not_hold_up_who_wants_something_else_on_postgres() {
    let premises = Premises::on_postgres().await;
    let (_shop, customer, gateway) = open(&premises);
    let no = customer.place_and_pay(1).await;
    customer.behaves(&gateway, "hold").await;
    let (coupled, order_no) = (customer.clone(), no.clone());
    let cancelling = tokio::spawn(async move { coupled.cancel_coupled(&order_no).await });
    until("the gateway is asked", async || customer.waits_for(&gateway, &no).await).await;

    customer.place(&[("tea", 1)]).await;
    assert_eq!(customer.state_of(&no).await, "paid");
    customer.behaves(&gateway, "ok").await;
    cancelling.await.unwrap();
}

/// The whole shop in one process, a customer, and where the payment gateway is.
fn open(premises: &Premises) -> (Program, Customer, String) {
    let shop = premises.all();
    let customer = Customer::of(&shop.url_of("shop"));
    let gateway = shop.url_of("payment gateway");
    (shop, customer, gateway)
}
