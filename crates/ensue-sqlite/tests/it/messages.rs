//! What arrives from elsewhere has its effect once, in one transaction with its receipt.

use std::time::Duration;

use ensue::testing::MemoryQueue;
use ensue::{BoxError, Listener, Retried};
use ensue_sqlite::{Events, Tx};

use crate::scratch::{OrderPlaced, PATIENCE, Scratch, add_effect, eager, effects, note};

async fn listening_to(
    queue: &MemoryQueue,
    scratch: &Scratch,
    describe: impl FnOnce(Listener<ensue_sqlite::SqliteStore>) -> Listener<ensue_sqlite::SqliteStore>,
) -> Events {
    let listener = describe(Listener::new("notes", queue.clone()).retry(eager()));
    scratch.builder().await.listen(listener).build().await.unwrap()
}

async fn drain(events: &Events, queue: &MemoryQueue) {
    let listening = events.listen();
    tokio::time::timeout(PATIENCE, queue.drained()).await.expect("not all acknowledged");
    assert!(listening.shutdown(PATIENCE).await);
}

fn send(queue: &MemoryQueue, numbers: std::ops::Range<i64>) {
    for number in numbers {
        queue.send("shop", OrderPlaced::of(format!("{number:03}"), number));
    }
}

fn numbers(numbers: std::ops::Range<i64>) -> Vec<String> {
    numbers.map(|number| format!("{number:03}")).collect()
}

#[tokio::test]
async fn what_fails_takes_back_its_own_effect_and_no_other() {
    async fn stumble(event: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
        add_effect(tx, &event.order_no).await?;
        match event.amount % 10 {
            3 => Err("out of ink".into()),
            _ => Ok(()),
        }
    }
    let (scratch, queue) = (Scratch::new(), MemoryQueue::default());
    let describe = |listener: Listener<_>| listener.on(stumble).retry(eager().attempts(2));
    let events = listening_to(&queue, &scratch, describe).await;
    send(&queue, 0..30);
    drain(&events, &queue).await;
    let mut found = effects(events.store()).await;
    found.sort();
    let expected: Vec<_> =
        numbers(0..30).into_iter().filter(|number| !number.ends_with('3')).collect();
    assert_eq!(found, expected);
    let letters = events.dead_letters("notes").unwrap();
    let dead = letters.list(None, 10).await.unwrap();
    assert_eq!(dead.len(), 3);
    assert!(matches!(letters.retry(dead[0].id).await.unwrap(), Retried::Failed(_)));
    assert_eq!(letters.list(None, 10).await.unwrap()[0].attempts, 3);
    assert_eq!(effects(events.store()).await.len(), 27);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_ends_at_any_moment_loses_and_doubles_nothing() {
    let (scratch, queue) = (Scratch::new(), MemoryQueue::default());
    send(&queue, 0..200);
    for _ in 0..15 {
        let events = listening_to(&queue, &scratch, |listener| listener.on(note).batch(7)).await;
        let listening = events.listen();
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..20))).await;
        listening.shutdown(Duration::ZERO).await;
    }
    let events = listening_to(&queue, &scratch, |listener| listener.on(note)).await;
    drain(&events, &queue).await;
    let mut found = effects(events.store()).await;
    found.sort();
    assert_eq!(found, numbers(0..200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_share_a_file_and_a_queue_handle_each_message_once() {
    let (scratch, queue) = (Scratch::new(), MemoryQueue::default());
    let describe = |listener: Listener<_>| listener.on(note).batch(5).prefetch(20);
    let one = listening_to(&queue, &scratch, describe).await;
    let other = listening_to(&queue, &scratch, describe).await;
    let listening = [one.listen(), other.listen()];
    for hundred in 0..3 {
        send(&queue, hundred * 100..hundred * 100 + 100);
        queue.lose_next_acknowledgement();
    }
    tokio::time::timeout(PATIENCE, queue.drained()).await.expect("not all acknowledged");
    for listening in listening {
        assert!(listening.shutdown(PATIENCE).await);
    }
    let mut found = effects(one.store()).await;
    found.sort();
    assert_eq!(found, numbers(0..300));
}
