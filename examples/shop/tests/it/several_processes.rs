//! Four processes, with a database and a broker between them.

use crate::customer::Customer;
use crate::premises::Premises;

/// They are killed by the story itself.
#[tokio::test(flavor = "multi_thread")]
async fn whichever_is_killed_at_whatever_moment_the_outcome_is_the_same() {
    let premises = Premises::on_postgres().await;
    let output = premises.several_processes().arg("--story").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let complained = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.ends_with("all as told.\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_is_told_by_a_broker_says_so_where_there_is_none() {
    let premises = Premises::on_sqlite();
    for role in ["refunds", "delivery"] {
        let output = premises.role_command(role, "0").output().unwrap();
        let complained = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(complained.contains("--broker amqp://"), "{complained}");
    }
}

/// With a broker the whole chain works in one process as well.
#[tokio::test(flavor = "multi_thread")]
async fn in_one_process_what_ensues_goes_over_the_broker_too() {
    let premises = Premises::on_postgres().await;
    let shop = premises.all_with_a_broker();
    let customer = Customer::of(&shop.url_of("shop"));
    let payment_gateway = shop.url_of("payment gateway");
    let order_no = customer.place_and_pay(2).await;
    customer.cancel(&order_no).await;
    let refunds = async || customer.refunds(&payment_gateway).await;
    crate::patience::until("it is refunded", async || !refunds().await.is_empty()).await;
    assert_eq!(refunds().await[0].refunds, 1);
}
