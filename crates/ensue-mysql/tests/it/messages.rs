//! Messages that a listener stores in this database.

use ensue::listener::Unreadable;
use ensue::testing::MemoryQueue;
use ensue::{AnyEvent, Events, Listener};

use crate::server::{Database, PATIENCE};

/// The server closes each connection that sends it such a dead letter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_that_is_larger_than_a_packet_is_cut() {
    let database = Database::new().await;
    let packet: i64 = database.ask("SELECT CAST(@@global.max_allowed_packet AS SIGNED)").await;
    let packet = usize::try_from(packet).unwrap();
    let queue = MemoryQueue::default();
    let listener = Listener::new("refunds", queue.clone()).on_any(|_: &AnyEvent| {});
    let store = database.store().await;
    let events = Events::builder(store).listen(listener).build().await.unwrap();
    for body in [vec![b'a'; packet + 1], vec![b'b'; 1_000]] {
        queue.deliver_unreadable(Unreadable::new("no type", body));
    }
    let listening = events.listen();
    queue.drained().await;
    assert!(listening.shutdown(PATIENCE).await);
    let letters = events.dead_letters("refunds").unwrap().list(None, 10).await.unwrap();
    let mut cuts: Vec<_> =
        letters.iter().map(|letter| letter.cut.as_ref().map(|cut| cut.length)).collect();
    cuts.sort();
    assert_eq!(cuts, [None, Some(packet as u64 + 1)]);
}
