//! Servers that are killed and started again.

use std::time::Duration;

use ensue::{Log, Transactions};
use servers::MariaDb;
use tokio::time::timeout;

use crate::server::{Database, append, envelope, envelopes, texts, until, whole_log};

/// LIMIT: far more than it takes, on a machine that has more to do; and less than any pause after
/// which something would be found by chance.
const SOON: Duration = Duration::from_secs(20);

/// What was acknowledged is there, at the position where it was read; what was not, is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_started_again_has_lost_nothing_and_every_store_goes_on() {
    let mut server = MariaDb::start().unwrap();
    let database = Database::on(server.url().parse().unwrap()).await;
    let store = database.store().await;
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
