//! A cancellation that calls the payment gateway itself, and one that leaves it to an event.

use std::time::Duration;

use crate::customer::Customer;
use crate::patience::until;
use crate::program::Program;

/// LIMIT: how long is looked at what must not happen. It never does in a shop as told, however slow
/// the machine is.
const A_MOMENT: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn an_evented_cancellation_is_answered_while_the_gateway_is_held() {
    let folder = tempfile::tempdir().unwrap();
    let (_shop, customer, gateway) = open(&folder);
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
async fn a_coupled_cancellation_waits_for_a_held_gateway_and_so_does_everybody_else() {
    let folder = tempfile::tempdir().unwrap();
    let (_shop, customer, gateway) = open(&folder);
    let no = customer.place_and_pay(1).await;
    customer.behaves(&gateway, "hold").await;

    let (coupled, order_no) = (customer.clone(), no.clone());
    let mut cancelling = tokio::spawn(async move { coupled.cancel_coupled(&order_no).await });
    until("the gateway is asked", async || customer.waits_for(&gateway, &no).await).await;
    let somebody_else = customer.clone();
    let mut placing = tokio::spawn(async move { somebody_else.place_and_pay(1).await });
    assert!(tokio::time::timeout(A_MOMENT, &mut cancelling).await.is_err(), "it did not wait");
    assert!(tokio::time::timeout(A_MOMENT, &mut placing).await.is_err(), "nobody was held up");
    assert_eq!(customer.state_of(&no).await, "paid");

    customer.behaves(&gateway, "ok").await;
    cancelling.await.unwrap();
    placing.await.unwrap();
    assert_eq!(customer.state_of(&no).await, "cancelled");
    assert!(customer.is_refunded(&gateway, &no).await);
}

/// The whole shop in one process, a customer, and where the payment gateway is.
fn open(folder: &tempfile::TempDir) -> (Program, Customer, String) {
    let shop = Program::all(folder.path());
    let customer = Customer::of(&shop.url_of("shop"));
    let gateway = shop.url_of("payment gateway");
    (shop, customer, gateway)
}
