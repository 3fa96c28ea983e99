//! Servers that are killed and started again.

use ensue::{Log, Transactions};
use ensue_postgres::PostgresStore;
use servers::Postgres;

use crate::server::{append, envelope, envelopes, texts, until, whole_log};

/// What was acknowledged is there, at the position where it was read; what was not, is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_started_again_has_lost_nothing_and_every_store_goes_on() {
    let mut server = Postgres::start().unwrap();
    let store = PostgresStore::connect(&server.url()).await.unwrap();
    for round in 0..3 {
        append(&store, &envelopes([2 * round])).await;
        let before = whole_log(&store).await;
        append(&store, &envelopes([2 * round + 1])).await;
        let mut open = store.begin().await.unwrap();
        store.append(&mut open, &[envelope("ghost")]).await.unwrap();
        server.kill().unwrap();
        assert!(store.commit(open).await.is_err());
        server.restart().unwrap();
        until(async || store.head().await.is_ok()).await;
        let log = whole_log(&store).await;
        assert_eq!(log[..before.len()], before);
        assert_eq!(log, texts(0..2 * round + 2));
    }
}
