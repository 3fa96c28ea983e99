//! Several processes on one file, and processes that are killed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ensue::store::Page;
use ensue::{BoxError, Error, Log, Meta, Position, RetryPolicy, raise};
use ensue_sqlite::{Builder, Events, SqliteStore, Tx};

use crate::scratch::{OrderPlaced, PATIENCE, Scratch, add_effect, effects, handled};
use crate::worker::{Brief, Worker};

/// Orders that a writer places before it ends.
const ORDERS: i64 = 400;

#[tokio::test]
async fn a_worker_with_nothing_to_do_ends() {
    let Some(brief) = Brief::of_this_process() else { return };
    let store = brief.store().await;
    match brief.role.as_str() {
        "writer" => write(store, &brief.name, ORDERS).await,
        "endless writer" => write(store, &brief.name, i64::MAX).await,
        "forwarder" => forward(store).await,
        "beginner" => begin(store, &brief.name).await,
        other => panic!("`{other}` is no role"),
    }
}

fn start(scratch: &Scratch, role: &str, name: &str) -> Worker {
    Worker::start("processes", scratch, role, name)
}

/// Places orders from where it was stopped, in its own key; each is an effect and an event.
async fn write(store: SqliteStore, name: &str, orders: i64) {
    let events = Events::builder(store).build().await.unwrap();
    loop {
        let run = events.run(async |tx| {
            let placed: i64 = sqlx::query_scalar("SELECT count(*) FROM effect WHERE name LIKE ?")
                .bind(format!("{name} placed%"))
                .fetch_one(&mut **tx)
                .await?;
            if placed < orders {
                add_effect(tx, &format!("{name} placed {placed}")).await?;
                raise(OrderPlaced::of(name, placed));
            }
            Ok::<_, BoxError>(placed)
        });
        if run.await.unwrap() == orders {
            return;
        }
    }
}

/// Registers its subscriptions and places a single order.
async fn begin(store: SqliteStore, name: &str) {
    let events = subscribed(Events::builder(store)).build().await.unwrap();
    let run = events.run(async |_tx| {
        raise(OrderPlaced::of(name, 0));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
}

fn subscribed(builder: Builder) -> Builder {
    let eager = Duration::from_millis(1);
    let policy = RetryPolicy::default().attempts(1_000).backoff(eager, eager);
    builder
        .lease(Duration::from_millis(150))
        .subscription("deliveries", |s| s.on(deliver).retry(policy))
}

/// Fails now and then, after its effect.
async fn deliver(event: &OrderPlaced, meta: Meta, tx: &mut Tx) -> Result<(), BoxError> {
    add_effect(tx, &format!("{} delivered {}", event.order_no, event.amount)).await?;
    match event.amount % 7 == 3 && meta.attempt == 1 {
        true => Err("not at the first attempt".into()),
        false => Ok(()),
    }
}

async fn forward(store: SqliteStore) {
    let events = subscribed(Events::builder(store)).build().await.unwrap();
    let _forwarder = events.forward();
    std::future::pending::<()>().await;
}

async fn finish(workers: &mut [Worker]) {
    let began = std::time::Instant::now();
    let mut running: BTreeSet<_> = (0..workers.len()).collect();
    while !running.is_empty() {
        assert!(began.elapsed() < PATIENCE, "a writer does not end");
        running.retain(|index| match workers[*index].has_succeeded() {
            Some(succeeded) => {
                assert!(succeeded, "a writer failed");
                false
            }
            None => true,
        });
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The log has every order once, in the order of its writer, at dense positions. How many each
/// placed.
async fn assert_log(store: &SqliteStore) -> BTreeMap<String, i64> {
    let log = store.entries(Page::new(Position::START, 100_000)).await.unwrap();
    let positions: Vec<_> = log.iter().map(|entry| entry.position.get()).collect();
    assert_eq!(positions, (1..=positions.len() as u64).collect::<Vec<_>>());
    let mut placed = BTreeMap::<String, Vec<i64>>::new();
    for entry in log {
        let event = <OrderPlaced as ensue::Event>::decode(&entry.envelope.payload, 1).unwrap();
        placed.entry(event.order_no).or_default().push(event.amount);
    }
    for (name, orders) in &placed {
        assert_eq!(*orders, (0..orders.len() as i64).collect::<Vec<_>>(), "placed by {name}");
    }
    placed.into_iter().map(|(name, orders)| (name, orders.len() as i64)).collect()
}

/// What `verb` did to the orders of each name, in the order of its commits.
fn done(effects: &[String], name: &str, verb: &str) -> Vec<i64> {
    let start = format!("{name} {verb} ");
    effects.iter().filter_map(|effect| effect.strip_prefix(&start)?.parse().ok()).collect()
}

#[tokio::test]
async fn processes_that_write_at_once_all_succeed() {
    let scratch = Scratch::new();
    drop(scratch.builder().await);
    let names = ["one", "two", "three", "four"].map(str::to_owned);
    let start = |name: &String| start(&scratch, "writer", name);
    let mut writers: Vec<_> = names.iter().map(start).collect();
    finish(&mut writers).await;
    let expected = names.map(|name| (name, ORDERS));
    assert_eq!(assert_log(&scratch.store().await).await, BTreeMap::from(expected));
}

#[tokio::test]
async fn processes_that_start_at_once_on_an_empty_file_all_succeed() {
    for count in [2, 8, 32] {
        let scratch = Scratch::new();
        let names: Vec<_> = (0..count).map(|number| number.to_string()).collect();
        let start = |name: &String| start(&scratch, "beginner", name);
        let mut beginners: Vec<_> = names.iter().map(start).collect();
        finish(&mut beginners).await;
        let expected = names.into_iter().map(|name| (name, 1)).collect();
        assert_eq!(assert_log(&scratch.store().await).await, expected);
    }
}

#[tokio::test]
async fn events_of_another_process_are_handled() {
    let scratch = Scratch::new();
    let events = subscribed(scratch.builder().await).build().await.unwrap();
    let _forwarder = start(&scratch, "forwarder", "");
    for order in 0..3 {
        let run = events.run(async |_tx| {
            raise(OrderPlaced::of("here", order));
            Ok::<_, Error>(())
        });
        run.await.unwrap();
        handled(&events, "deliveries", events.head().await.unwrap()).await;
    }
    assert_eq!(done(&effects(events.store()).await, "here", "delivered"), [0, 1, 2]);
}

/// `kill -9` at any moment, again and again, of writers and of the forwarder.
#[tokio::test]
async fn killed_at_any_moment_nothing_is_lost_and_nothing_is_done_twice() {
    let scratch = Scratch::new();
    let events = subscribed(scratch.builder().await).build().await.unwrap();
    let start = |worker: usize| match worker {
        0 => start(&scratch, "endless writer", "one"),
        1 => start(&scratch, "endless writer", "two"),
        _ => start(&scratch, "forwarder", ""),
    };
    let mut workers = [0, 1, 2].map(start);
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_micros(fastrand::u64(5_000..120_000))).await;
        let victim = fastrand::usize(0..3);
        assert!(workers[victim].kill(), "worker {victim} had ended by itself");
        workers[victim] = start(victim);
    }
    drop(workers);
    let forwarder = events.forward();
    handled(&events, "deliveries", events.head().await.unwrap()).await;
    assert!(forwarder.shutdown(PATIENCE).await);
    let placed = assert_log(events.store()).await;
    let effects = effects(events.store()).await;
    for (name, orders) in placed {
        let expected: Vec<_> = (0..orders).collect();
        assert_eq!(done(&effects, &name, "placed"), expected, "placed by {name}");
        // The orders of a writer are one key: in order although some fail at first.
        assert_eq!(done(&effects, &name, "delivered"), expected, "delivered of {name}");
    }
}
