//! What ensues after a commit ensues in the process that committed.

use crate::customer::Customer;
use crate::patience::until;
use crate::premises::{Premises, on_each_database};

on_each_database! {
    the_web_process_sends_the_mails_of_its_orders,
}

async fn the_web_process_sends_the_mails_of_its_orders(premises: Premises) {
    let web = premises.web();
    let customer = Customer::of(&web.url_of("shop"));
    let mail_service = web.url_of("mail service");
    let no = customer.place_and_pay(1).await;
    let recipient = format!("customer-of-{no}");
    let is_sent = async || customer.mails(&mail_service).await.contains(&recipient);
    until("the mail is sent", is_sent).await;
}
