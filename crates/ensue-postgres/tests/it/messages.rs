//! What arrives from elsewhere has its effect once, whatever becomes of sessions, processes and servers.

use std::time::Duration;

use ensue::subscription::FailureClass;
use ensue::testing::MemoryQueue;
use ensue::{BoxError, Event, EventId, Listener, RetryPolicy, raise};
use ensue_postgres::{Events, PostgresStore, Tx};
use serde::{Deserialize, Serialize};
use servers::Postgres;
use tokio::time::timeout;

use crate::server::{Database, PATIENCE, whole_log};

#[derive(Debug, Clone, Event, Serialize, Deserialize)]
#[event(type = "order.placed", key = key)]
struct OrderPlaced {
    key: u64,
    number: u64,
}

#[derive(Event, Serialize, Deserialize)]
#[event(type = "order.billed")]
struct OrderBilled;

/// A second effect of one message would break the primary key.
async fn bill(event: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
    let number = i64::try_from(event.number)?;
    let insert = sqlx::query("INSERT INTO bill (number) VALUES ($1)").bind(number);
    insert.persistent(false).execute(&mut **tx).await?;
    raise(OrderBilled);
    Ok(())
}

const BILLS: &str = "CREATE TABLE bill (number bigint PRIMARY KEY, at bigserial)";

async fn listening_to(queue: &MemoryQueue, store: PostgresStore, lanes: usize) -> Events {
    let again = RetryPolicy::default().attempts(1_000);
    let again = again.backoff(Duration::from_millis(1), Duration::from_millis(20));
    let listener = Listener::new("bills", queue.clone()).on(bill).retry(again).lanes(lanes);
    Events::builder(store).listen(listener.batch(20).prefetch(60)).build().await.unwrap()
}

fn place(queue: &MemoryQueue, numbers: std::ops::Range<u64>) {
    for number in numbers {
        queue.send("shop", OrderPlaced { key: number % 7, number });
    }
}

async fn drained(queue: &MemoryQueue) {
    timeout(PATIENCE, queue.drained()).await.expect("not all acknowledged");
}

/// Each once, and of each key in order.
async fn assert_billed(database: &Database, numbers: i64) {
    assert_eq!(database.ask::<i64>("SELECT count(*) FROM bill").await, numbers);
    assert_eq!(database.ask::<i64>("SELECT count(*) FROM ensue.dead_letter").await, 0);
    let overtaken = "SELECT count(*) FROM (
        SELECT number < lag(number) OVER (PARTITION BY number % 7 ORDER BY at) AS is_overtaken FROM bill
    ) AS bill WHERE is_overtaken";
    assert_eq!(database.ask::<i64>(overtaken).await, 0);
}

async fn database() -> Database {
    let database = Database::new().await;
    database.execute(BILLS).await;
    database
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_have_their_effect_once_and_in_order_while_sessions_are_cut() {
    for lanes in [1, 4] {
        let (database, queue) = (database().await, MemoryQueue::default());
        let events = listening_to(&queue, database.store().await, lanes).await;
        let listening = events.listen();
        for step in 0..20 {
            place(&queue, step * 20..step * 20 + 20);
            if step % 3 == 1 {
                queue.cut();
            }
            if step % 5 == 2 {
                queue.lose_next_acknowledgement();
            }
            tokio::time::sleep(Duration::from_millis(step * 7 % 15)).await;
        }
        drained(&queue).await;
        assert!(listening.shutdown(PATIENCE).await);
        assert_billed(&database, 400).await;
        assert_eq!(whole_log(events.store()).await.len(), 400);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_ends_at_any_moment_loses_and_doubles_nothing() {
    let (database, queue) = (database().await, MemoryQueue::default());
    place(&queue, 0..200);
    for moment in 0..15 {
        let events = listening_to(&queue, database.store().await, 2).await;
        let listening = events.listen();
        tokio::time::sleep(Duration::from_millis(moment * 3)).await;
        listening.shutdown(Duration::ZERO).await;
    }
    let events = listening_to(&queue, database.store().await, 2).await;
    let listening = events.listen();
    drained(&queue).await;
    assert!(listening.shutdown(PATIENCE).await);
    assert_billed(&database, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_share_a_queue_bill_each_order_once_whatever_the_isolation() {
    for isolation in ["read committed", "repeatable read", "serializable"] {
        let default = format!("default_transaction_isolation = '{isolation}'");
        let database = Database::with_default(&default).await;
        database.execute(BILLS).await;
        let queue = MemoryQueue::default();
        let one = listening_to(&queue, database.store().await, 2).await;
        let other = listening_to(&queue, database.store().await, 2).await;
        let listening = [one.listen(), other.listen()];
        for number in 0..60 {
            // Whoever produces it repeats itself.
            let event = OrderPlaced { key: number % 7, number };
            let message = MemoryQueue::message("shop", event);
            queue.deliver(message.clone());
            queue.deliver(message);
        }
        drained(&queue).await;
        for listening in listening {
            assert!(listening.shutdown(PATIENCE).await);
        }
        assert_eq!(database.ask::<i64>("SELECT count(*) FROM bill").await, 60, "{isolation}");
        let dead = "SELECT count(*) FROM ensue.dead_letter";
        assert_eq!(database.ask::<i64>(dead).await, 0, "{isolation}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_server_nothing_is_acknowledged_or_lost_and_it_goes_on_when_that_is_back() {
    let mut server = Postgres::start().unwrap();
    let database = Database::on(server.url().parse().unwrap()).await;
    database.execute(BILLS).await;
    let queue = MemoryQueue::default();
    let events = listening_to(&queue, database.store().await, 1).await;
    let listening = events.listen();
    for round in 0..3 {
        place(&queue, round * 200..round * 200 + 200);
        tokio::time::sleep(Duration::from_millis(round * 30)).await;
        server.kill().unwrap();
        server.restart().unwrap();
        drained(&queue).await;
    }
    assert!(listening.shutdown(PATIENCE).await);
    assert_billed(&database, 600).await;
}

/// As a handler may whose statement takes all of the server's memory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_costs_the_connection_each_time_is_a_dead_letter_and_others_go_on() {
    async fn stumble(event: &OrderPlaced, tx: &mut Tx) -> Result<(), BoxError> {
        if event.number % 20 == 7 {
            sqlx::query("SELECT pg_terminate_backend(pg_backend_pid())").execute(&mut **tx).await?;
        }
        bill(event, tx).await
    }
    for lanes in [1, 4] {
        let (database, queue) = (database().await, MemoryQueue::default());
        let retry = RetryPolicy::default().attempts(3);
        let retry = retry.backoff(Duration::from_millis(1), Duration::from_millis(20));
        let listener = Listener::new("bills", queue.clone()).on(stumble).retry(retry).lanes(lanes);
        let builder = Events::builder(database.store().await).listen(listener);
        let events = builder.build().await.unwrap();
        place(&queue, 0..60);
        let listening = events.listen();
        drained(&queue).await;
        assert!(listening.shutdown(PATIENCE).await);
        assert_eq!(database.ask::<i64>("SELECT count(*) FROM bill").await, 57);
        let letters = events.dead_letters("bills").unwrap().list(None, 10).await.unwrap();
        let died = letters.iter().map(|letter| (letter.attempts, letter.failure.class));
        assert_eq!(died.collect::<Vec<_>>(), [(3, FailureClass::Crash); 3]);
    }
}

/// PostgreSQL's text has no zero.
#[tokio::test]
async fn what_the_database_cannot_hold_as_text_is_a_dead_letter_all_the_same() {
    let (database, queue) = (database().await, MemoryQueue::default());
    let events = listening_to(&queue, database.store().await, 1).await;
    let mut message = MemoryQueue::message("shop\0", OrderPlaced { key: 1, number: 1 });
    message.envelope.key = Some("a\0b".to_owned());
    message.envelope.event_type = "un\0known".into();
    message.envelope.headers.insert("h".to_owned(), "x\0y".to_owned());
    queue.deliver(message);
    let listening = events.listen();
    drained(&queue).await;
    assert!(listening.shutdown(PATIENCE).await);
    let letters = events.dead_letters("bills").unwrap().list(None, 10).await.unwrap();
    assert_eq!((letters.len(), letters[0].failure.class), (1, FailureClass::Unreadable));
    let failure = &letters[0].failure.message;
    assert!(failure.starts_with("source `shop\\0` has the control character U+0000"), "{failure}");
    let message = letters[0].message.as_ref().unwrap();
    assert_eq!((&*message.source, message.envelope.key.as_deref()), ("shop\0", Some("a\0b")));
    assert_eq!(message.envelope.headers["h"], "x\0y");
}

/// Whoever receives messages by hand.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_is_once_among_units_of_work_at_the_same_time() {
    let database = database().await;
    let events = Events::builder(database.store().await).build().await.unwrap();
    let id = EventId::now();
    let mut handling = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let events = events.clone();
        handling.spawn(async move {
            let run = events.run(async move |tx| tx.once("bills", id).await);
            run.await.unwrap()
        });
    }
    let handled = handling.join_all().await;
    assert_eq!(handled.into_iter().filter(|is_new| *is_new).count(), 1);
}
