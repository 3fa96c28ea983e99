//! Many customers at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::StatusCode;
use tokio::task::JoinSet;

use crate::customer::Customer;
use crate::premises::{Premises, on_each_database};

on_each_database! {
    orders_of_the_same_products_are_placed_and_cancelled_whichever_product_comes_first,
    of_many_who_cancel_an_order_one_does,
    no_more_is_sold_than_there_is,
    processes_that_start_meanwhile_hold_up_no_order,
    processes_that_start_at_once_share_the_shop,
}

/// What is on each shelf of a new shop.
const IN_STOCK: u64 = 1_000;

/// How many customers there are at a time.
const CUSTOMERS: u32 = 6;

/// How many processes start.
const STARTS: u64 = 4;

/// Of each customer.
const ORDERS: u32 = 10;

async fn orders_of_the_same_products_are_placed_and_cancelled_whichever_product_comes_first(
    premises: Premises,
) {
    let web = premises.web();
    let customer = Customer::of(&web.url_of("shop"));
    let mut busy = JoinSet::new();
    for number in 0..CUSTOMERS {
        let lines = match number % 2 {
            0 => [("mug", 1), ("tea", 1)],
            _ => [("tea", 1), ("mug", 1)],
        };
        let customer = customer.clone();
        busy.spawn(async move {
            for _ in 0..ORDERS {
                let no = customer.place(&lines).await;
                customer.cancel(&no).await;
            }
        });
    }
    busy.join_all().await;
    for product in ["mug", "tea"] {
        assert_eq!(customer.in_stock(product).await, IN_STOCK, "{product}");
    }
}

async fn of_many_who_cancel_an_order_one_does(premises: Premises) {
    let web = premises.web();
    let customer = Customer::of(&web.url_of("shop"));
    for _ in 0..ORDERS {
        let no = customer.place(&[("mug", 1)]).await;
        let mut cancelling = JoinSet::new();
        for _ in 0..CUSTOMERS {
            let (customer, no) = (customer.clone(), no.clone());
            cancelling.spawn(async move { customer.try_to_cancel(&no).await });
        }
        assert_eq!(done(cancelling).await, 1);
        assert_eq!(customer.in_stock("mug").await, IN_STOCK);
    }
    let events = usize::try_from(2 * ORDERS).unwrap();
    assert_eq!(customer.log_of(events).await.len(), events);
}

async fn no_more_is_sold_than_there_is(premises: Premises) {
    let web = premises.web();
    let customer = Customer::of(&web.url_of("shop"));
    let mut placing = JoinSet::new();
    for _ in 0..CUSTOMERS {
        let customer = customer.clone();
        placing.spawn(async move { customer.try_to_place(&[("mug", 300)]).await });
    }
    assert_eq!(done(placing).await, 3);
    assert_eq!(customer.in_stock("mug").await, IN_STOCK - 3 * 300);
}

/// Each looks whether the tables are there; that is no reason to lock them.
async fn processes_that_start_meanwhile_hold_up_no_order(premises: Premises) {
    let web = premises.web();
    let customer = Customer::of(&web.url_of("shop"));
    let enough = Arc::new(AtomicBool::new(false));
    let mut busy = JoinSet::new();
    for _ in 0..CUSTOMERS {
        let (customer, enough) = (customer.clone(), Arc::clone(&enough));
        busy.spawn(async move {
            while !enough.load(Ordering::Relaxed) {
                let no = customer.place(&[("mug", 1)]).await;
                customer.cancel(&no).await;
            }
        });
    }
    for _ in 0..STARTS {
        premises.web().url_of("shop");
    }
    enough.store(true, Ordering::Relaxed);
    busy.join_all().await;
    assert_eq!(customer.in_stock("mug").await, IN_STOCK);
}

async fn processes_that_start_at_once_share_the_shop(premises: Premises) {
    let webs: Vec<_> = (0..STARTS).map(|_| premises.web()).collect();
    for web in &webs {
        Customer::of(&web.url_of("shop")).place(&[("mug", 1)]).await;
    }
    let shop = premises.web();
    let left = Customer::of(&shop.url_of("shop")).in_stock("mug").await;
    assert_eq!(left, IN_STOCK - STARTS);
}

/// How many were done; the others were refused.
async fn done(asking: JoinSet<StatusCode>) -> usize {
    let answers = asking.join_all().await;
    let (refused, done): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|status| *status == StatusCode::CONFLICT);
    assert!(done.iter().all(StatusCode::is_success), "{done:?} beside {}", refused.len());
    done.len()
}
