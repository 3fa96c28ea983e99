//! Read replicas.

use std::time::Duration;

use ensue::store::Page;
use ensue::{ErrorKind, Log, Position};
use ensue_postgres::{PostgresReplica, PostgresStore};
use servers::Postgres;

use crate::server::{PATIENCE, append, assert_counts_up, envelope, envelopes, texts};

/// As the feed follows it.
async fn follow(replica: &PostgresReplica, count: usize) -> Vec<String> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let page = Page::new(Position::new(seen.len() as u64), 100);
        let entries = replica.entries(page).await.unwrap();
        if entries.is_empty() {
            replica.changed_elsewhere().await;
        }
        for entry in entries {
            seen.push(String::from_utf8(entry.envelope.payload).unwrap());
            assert_eq!(entry.position, Position::new(seen.len() as u64));
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_shows_the_same_entries_without_gaps_while_the_primary_appends() {
    let primary = Postgres::start().unwrap();
    let store = PostgresStore::connect(&primary.url()).await.unwrap();
    append(&store, &envelopes(0..500)).await;
    let server = Postgres::replica_of(&primary).unwrap();
    let replica = PostgresReplica::connect(&server.url()).await.unwrap();
    let writing = async {
        for number in 500..1_000 {
            append(&store, &envelopes([number])).await;
        }
    };
    let following = tokio::time::timeout(PATIENCE, follow(&replica, 1_000));
    let (seen, ()) = tokio::join!(following, writing);
    assert_counts_up(&seen.expect("the replica came to an end"), 1_000);
    assert_eq!(replica.head().await.unwrap(), Position::new(1_000));
    assert_eq!(replica.identity().await.unwrap(), store.identity().await.unwrap());
    assert_eq!(replica.outbox().await.unwrap().map(|outbox| outbox.events), Some(0));
    replica.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_cannot_do_is_an_error_that_says_so() {
    let primary = Postgres::start().unwrap();
    let server = Postgres::replica_of(&primary).unwrap();
    let refused = PostgresReplica::connect(&server.url()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Configuration);
    assert!(refused.to_string().contains("connect to the primary"), "{refused}");
    let store = PostgresStore::connect(&primary.url()).await.unwrap();
    append(&store, &[envelope("0")]).await;
    let connecting = async {
        loop {
            if let Ok(replica) = PostgresReplica::connect(&server.url()).await {
                return replica;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let replica = tokio::time::timeout(PATIENCE, connecting).await.expect("it follows");
    assert_eq!(replica.barrier().await.unwrap_err().kind(), ErrorKind::Configuration);
    let seen = tokio::time::timeout(PATIENCE, follow(&replica, 1)).await;
    assert_eq!(seen.expect("it follows"), texts(0..1));
}
