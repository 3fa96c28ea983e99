//! What is promised of who owns, and who stands by.

use std::collections::BTreeSet;

use ensue::subscription::TakeOver;
use ensue::{Start, Store, Subscriptions};

use crate::backend::{Backend, PATIENCE};
use crate::subscriptions::{LONG, NAME, SHORT, registered, take, take_eventually};

/// Subscription, owner, and whether it is one.
async fn claims<S: Store>(store: &S) -> BTreeSet<(String, String, bool)> {
    let claims = store.claims().await.unwrap().into_iter();
    claims.map(|claim| (claim.subscription, claim.owner, claim.is_owner)).collect()
}

fn expected(claims: &[(&str, &str, bool)]) -> BTreeSet<(String, String, bool)> {
    let owned = |(subscription, owner, is_owner): &(&str, &str, bool)| {
        ((*subscription).to_owned(), (*owner).to_owned(), *is_owner)
    };
    claims.iter().map(owned).collect()
}

async fn is_refused<S: Store>(store: &S, owner: &str, lease: std::time::Duration) {
    let answer = store.take_over(NAME, owner, lease).await.unwrap();
    assert!(matches!(answer, TakeOver::Held { .. }), "{owner} became the owner");
}

/// However it ends.
pub async fn an_owner_has_a_claim_for_as_long_as_its_lease_runs<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    assert_eq!(claims(&store).await, expected(&[]));
    let term = take(&store, "one", LONG).await;
    assert_eq!(claims(&backend.open().await).await, expected(&[(NAME, "one", true)]));
    store.release(NAME, term.epoch).await.unwrap();
    assert_eq!(claims(&store).await, expected(&[]));
    take(&store, "two", SHORT).await;
    nobody_claims_anything_in_the_end(&store).await;
}

/// Each time it asks, for as long as the lease that it asked for.
pub async fn who_is_refused_stands_by_until_its_time_is_over<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let term = take(&store, "one", LONG).await;
    is_refused(&store, "two", LONG).await;
    is_refused(&backend.open().await, "three", LONG).await;
    is_refused(&store, "two", LONG).await;
    let standing = [(NAME, "one", true), (NAME, "two", false), (NAME, "three", false)];
    assert_eq!(claims(&store).await, expected(&standing));
    is_refused(&store, "two", SHORT).await;
    is_refused(&store, "three", SHORT).await;
    store.release(NAME, term.epoch).await.unwrap();
    nobody_claims_anything_in_the_end(&store).await;
}

async fn nobody_claims_anything_in_the_end<S: Store>(store: &S) {
    let waiting = async { while !claims(store).await.is_empty() {} };
    tokio::time::timeout(PATIENCE, waiting).await.expect("a claim did not end");
}

/// It is one of both.
pub async fn who_becomes_the_owner_stands_by_no_more<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let term = take(&store, "one", LONG).await;
    is_refused(&store, "two", LONG).await;
    store.release(NAME, term.epoch).await.unwrap();
    take_eventually(&store, "two").await;
    assert_eq!(claims(&store).await, expected(&[(NAME, "two", true)]));
}

/// Whoever looks sees how they are shared out.
pub async fn claims_are_of_all_subscriptions<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    store.register("mails", Start::Beginning, &[]).await.unwrap();
    take(&store, "one", LONG).await;
    is_refused(&store, "two", LONG).await;
    store.take_over("mails", "two", LONG).await.unwrap();
    let all = [(NAME, "one", true), (NAME, "two", false), ("mails", "two", true)];
    assert_eq!(claims(&store).await, expected(&all));
}
