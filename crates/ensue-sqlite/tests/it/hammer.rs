//! Many units of work on few threads, ending in every way there is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ensue::store::Page;
use ensue::{Error, ErrorKind, Event, Log, Position, raise, try_raise};
use ensue_sqlite::{Events, SqliteStore, Tx};
use fastrand::Rng;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use tokio::task::JoinSet;

use crate::scratch::{OrderPlaced, Scratch, add_effect, effects};

const TASKS: u32 = 200;
const UNITS: u32 = 100;

/// How a unit of work is to end.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Committed,
    Refused,
    Panicked,
    Cancelled,
    Nested,
    Vetoed,
    InPart,
}

const ENDS: [End; 7] = [
    End::Committed,
    End::Refused,
    End::Panicked,
    End::Cancelled,
    End::Nested,
    End::Vetoed,
    End::InPart,
];

async fn follow(event: &OrderPlaced, tx: &mut Tx) -> Result<(), &'static str> {
    add_effect(tx, &event.order_no).await.map_err(|_| "no effect")?;
    if event.amount == End::Vetoed as i64 { Err("no") } else { Ok(()) }
}

async fn work(events: &Events, name: &str, end: End, naps: u32) -> Result<(), Error> {
    events
        .run(async |tx| {
            raise(OrderPlaced::of(name, end as i64));
            for _ in 0..naps {
                tokio::task::yield_now().await;
            }
            let ghost = format!("ghost of {name}");
            match end {
                End::Committed | End::Vetoed => {}
                End::Refused => return Err(Error::store("on purpose", "refused", false)),
                End::Panicked => {
                    tx.flush().await?;
                    std::panic::resume_unwind(Box::new("on purpose"));
                }
                End::Cancelled => tokio::time::sleep(Duration::from_micros(300)).await,
                End::Nested => {
                    let inner = events.run(async |tx| {
                        add_effect(tx, &ghost).await.unwrap();
                        Ok::<_, Error>(())
                    });
                    assert_eq!(inner.await.unwrap_err().kind(), ErrorKind::Nested);
                }
                End::InPart => {
                    let undone = tx.savepoint(async |tx| {
                        raise(OrderPlaced::of(&*ghost, 0));
                        tx.flush().await?;
                        Err::<(), _>(Error::store("on purpose", "undone", false))
                    });
                    undone.await.unwrap_err();
                }
            }
            Ok(())
        })
        .await
}

/// The names of the units of work that said they had committed, and of those nobody waited for.
async fn task(events: Events, task: u32) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut rng = Rng::with_seed(task.into());
    let (mut committed, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    for unit in 0..UNITS {
        let (name, end) = (format!("{task}/{unit}"), ENDS[rng.usize(..ENDS.len())]);
        let (events, naps, of_unit) = (events.clone(), rng.u32(0..4), name.clone());
        let unit = async move { work(&events, &of_unit, end, naps).await };
        if end == End::Cancelled {
            let patience = Duration::from_micros(rng.u64(0..3_000));
            if tokio::time::timeout(patience, unit).await.is_ok_and(|ended| ended.is_ok()) {
                committed.insert(name);
            } else {
                unknown.insert(name);
            }
        } else if tokio::spawn(unit).await.is_ok_and(|ended| ended.is_ok()) {
            committed.insert(name);
        }
        // Whatever happened, nothing of it is left on this thread.
        assert!(try_raise(Told).is_err(), "a scope was left behind");
    }
    (committed, unknown)
}

#[derive(Event)]
#[event(local)]
struct Told;

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nothing_leaks_from_one_unit_of_work_to_another() {
    let scratch = Scratch::new();
    drop(scratch.builder().await);
    let options = SqliteConnectOptions::new().filename(scratch.path());
    let options = options.synchronous(SqliteSynchronous::Off);
    let store = SqliteStore::open_with(options).await.unwrap();
    let rolled_back = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&rolled_back);
    let count = async move |_: &OrderPlaced| {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    let builder = Events::builder(store).on(follow).after_rollback(count);
    let events = builder.build().await.unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..TASKS {
        tasks.spawn(task(events.clone(), number));
    }
    let (mut committed, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    while let Some(ended) = tasks.join_next().await {
        let (of_task, unknown_of_task) = ended.unwrap();
        committed.extend(of_task);
        unknown.extend(unknown_of_task);
    }
    // Whoever was dropped during its commit has finished before this one gets its turn.
    work(&events, "last", End::Committed, 0).await.unwrap();
    committed.insert("last".to_owned());

    let effects: BTreeSet<String> = effects(events.store()).await.into_iter().collect();
    let log = events.store().entries(Page::new(Position::START, 1_000_000)).await.unwrap();
    let stored: BTreeSet<_> = log.iter().filter_map(|entry| entry.envelope.key.clone()).collect();
    assert_eq!(stored.len(), log.len(), "an event is stored twice");
    assert_eq!(effects, stored, "effects and events differ");
    assert!(committed.is_subset(&stored), "something that was committed is gone");
    let unexpected: Vec<_> = stored.difference(&committed).collect();
    assert!(unexpected.iter().all(|name| unknown.contains(*name)), "{unexpected:?}");
    assert!(events.shutdown(Duration::from_secs(60)).await);
    assert!(rolled_back.load(Ordering::Relaxed) > 0);
}
