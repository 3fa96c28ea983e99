//! The feed of a PostgreSQL that only reads.

use std::time::Duration;

use ensue::{Log, Position, Transactions};
use ensue_http::Feed;
use ensue_postgres::{PostgresReplica, PostgresStore};
use servers::Postgres;

use crate::answer::Answer;
use crate::shop::event;

/// LIMIT: how long a test waits for what must happen; only a failing one gets there.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_serves_what_its_primary_serves() {
    let primary = Postgres::start().unwrap();
    let store = PostgresStore::connect(&primary.url()).await.unwrap();
    append(&store, &["1", "2"]).await;
    let server = Postgres::replica_of(&primary).unwrap();
    let replica = PostgresReplica::connect(&server.url()).await.unwrap();
    append(&store, &["3"]).await;
    follow(&replica, Position::new(3)).await;

    let served = Feed::new(store).into_router();
    let copied = Feed::new(replica).into_router();

    for (query, ids) in [("", &[1, 2, 3][..]), ("?offset=1&limit=1", &[2]), ("?offset=3", &[])] {
        let answer = Answer::to_get(&copied, query).await;
        assert_eq!(answer.ids(), ids, "{query}");
        assert_eq!(answer, Answer::to_get(&served, query).await, "{query}");
    }
}

async fn append(store: &PostgresStore, payloads: &[&str]) {
    let envelopes: Vec<_> = payloads.iter().map(event).collect();
    let mut transaction = store.begin().await.unwrap();
    store.append(&mut transaction, &envelopes).await.unwrap();
    store.commit(transaction).await.unwrap();
    store.barrier().await.unwrap();
}

async fn follow(replica: &PostgresReplica, head: Position) {
    let following = async {
        while replica.head().await.unwrap() < head {
            replica.changed_elsewhere().await;
        }
    };
    tokio::time::timeout(PATIENCE, following).await.expect("the replica follows");
}
