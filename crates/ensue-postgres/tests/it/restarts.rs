//! Servers that are killed and started again.

use std::time::Duration;

use ensue::{Log, Transactions};
use ensue_postgres::{PostgresOptions, PostgresStore};
use servers::Postgres;
use tokio::time::timeout;

use crate::server::{append, envelope, envelopes, texts, until, whole_log};

/// LIMIT: far more than it takes, on a machine that has more to do; and less than any pause after
/// which something would be found by chance.
const SOON: Duration = Duration::from_secs(20);

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
        let log = timeout(SOON, async {
            until(async || store.head().await.is_ok()).await;
            whole_log(&store).await
        });
        let log = log.await.expect("the sequencer is back");
        assert_eq!(log[..before.len()], before);
        assert_eq!(log, texts(0..2 * round + 2));
    }
}

/// Also if it asked while the server was starting, and was refused for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_listened_to_a_server_that_was_killed_hears_again_soon_after_it_is_back() {
    let mut server = Postgres::start().unwrap();
    let listening = PostgresOptions::new(server.url().parse().unwrap())
        .sequence_on_demand()
        .longest_poll(Duration::from_secs(3_600));
    let store = listening.connect().await.unwrap();
    let other = PostgresStore::connect(&server.url()).await.unwrap();
    append(&other, &envelopes([0])).await;
    timeout(SOON, store.changed_elsewhere()).await.expect("it hears");
    server.kill().unwrap();
    server.restart().unwrap();
    let hearing = timeout(SOON, async {
        until(async || other.head().await.is_ok()).await;
        // What it was told before it listens again counts as heard.
        for number in 1..4 {
            append(&other, &envelopes([number])).await;
            store.changed_elsewhere().await;
        }
    });
    hearing.await.expect("it hears again");
    assert_eq!(whole_log(&other).await, texts(0..4));
}
