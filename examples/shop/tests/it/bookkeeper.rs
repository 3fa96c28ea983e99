//! Another team's program follows the feed.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

use crate::customer::Customer;
use crate::patience::until;
use crate::premises::{Premises, on_each_database};
use crate::program::Program;

on_each_database! {
    a_bookkeeper_killed_at_any_moment_books_each_event_once_and_in_order,
    a_bookkeeper_waits_for_a_shop_that_is_closed,
}

/// How often the bookkeeper is killed.
const KILLS: usize = 8;

/// Of each customer.
const ORDERS: usize = 60;

async fn a_bookkeeper_killed_at_any_moment_books_each_event_once_and_in_order(premises: Premises) {
    let ledger = premises.folder().join("ledger.db");
    let web = premises.web();
    let customer = Customer::of(&web.url_of("shop"));

    let busy = [tokio::spawn(order(customer.clone())), tokio::spawn(order(customer.clone()))];
    kill_bookkeepers(&customer.feed(), &ledger).await;
    for customer in busy {
        customer.await.unwrap();
    }
    let log = customer.log_of(2 * ORDERS * 2).await;
    let last = Program::bookkeeper_until(&customer.feed(), &ledger, log.len());
    assert!(last.end().await.success());

    let log: Vec<_> = log.into_iter().map(|event| (event.id, event.event_type)).collect();
    assert_eq!(log.len(), 2 * ORDERS * 2);
    assert_eq!(postings(&ledger).await, log);
}

async fn a_bookkeeper_waits_for_a_shop_that_is_closed(premises: Premises) {
    let ledger = premises.folder().join("ledger.db");
    let reserved = Premises::reserve_port();
    let port = reserved.local_addr().unwrap().port().to_string();
    let first = premises.web_on_port(&port);
    let url = first.url_of("shop");
    Customer::of(&url).place_and_pay(1).await;
    first.kill();

    let bookkeeper = Program::bookkeeper_until(&format!("{url}/api/events"), &ledger, 2);
    until("the ledger is there", async || ledger.exists()).await;
    let _second = premises.web_on_port(&port);
    assert!(bookkeeper.end().await.success());
    assert_eq!(postings(&ledger).await.len(), 2);
}

/// Starts one bookkeeper after the other, and kills each once it has booked something.
async fn kill_bookkeepers(feed: &str, ledger: &Path) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..KILLS {
        let bookkeeper = Program::bookkeeper(feed, ledger);
        bookkeeper.line();
        // Not to wait for anything: this is the moment at which it dies.
        tokio::time::sleep(Duration::from_micros(random.u64(0..10_000))).await;
        bookkeeper.kill();
    }
}

async fn order(customer: Customer) {
    for _ in 0..ORDERS {
        customer.place_and_pay(1).await;
    }
}

/// In the order in which they were booked.
async fn postings(ledger: &Path) -> Vec<(u64, String)> {
    let options = SqliteConnectOptions::new().filename(ledger);
    let ledger = SqlitePool::connect_with(options).await.unwrap();
    let postings = "SELECT position, event_type FROM posting ORDER BY number";
    let postings: Vec<(i64, String)> = sqlx::query_as(postings).fetch_all(&ledger).await.unwrap();
    postings.into_iter().map(|(position, kind)| (position.cast_unsigned(), kind)).collect()
}
