//! Disks that are full, and have room again.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ensue::{BoxError, Error, ErrorKind, Position, State, raise};
use ensue_sqlite::{Builder, Events, SqliteStore, Tx};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use crate::scratch::{
    OrderPlaced, Scratch, add_effect, eager, effects, handled_all, shut_down, until,
};
use crate::worker::{Brief, Worker};

#[tokio::test]
async fn a_worker_with_nothing_to_do_ends() {
    let Some(brief) = Brief::of_this_process() else { return };
    let builder = Events::builder(brief.store().await);
    let events = subscribed(builder, &Refused::default()).build().await.unwrap();
    let _forwarder = events.forward();
    std::future::pending::<()>().await;
}

/// How often a handler's statement found no room.
type Refused = Arc<AtomicU32>;

fn subscribed(builder: Builder, refused: &Refused) -> Builder {
    let builder = builder.state(Arc::clone(refused));
    builder.subscription("notes", |s| s.on(note_at_length).retry(eager()))
}

async fn note_at_length(
    event: &OrderPlaced,
    State(refused): State<Refused>,
    tx: &mut Tx,
) -> Result<(), BoxError> {
    let noted = add_effect(tx, &format!("{}{}", event.amount, ".".repeat(1_000))).await;
    if noted.is_err() {
        refused.fetch_add(1, Ordering::SeqCst);
    }
    Ok(noted?)
}

/// Which orders were handled.
async fn handled(store: &SqliteStore) -> Vec<i64> {
    let effects = effects(store).await;
    let mut handled: Vec<_> =
        effects.iter().map(|effect| effect.trim_end_matches('.').parse().unwrap()).collect();
    handled.sort_unstable();
    handled
}

async fn place_orders(events: &Events) {
    let run = events.run(async |_tx| {
        (0..ORDERS).for_each(|amount| raise(OrderPlaced::of(amount.to_string(), amount)));
        Ok::<_, Error>(())
    });
    run.await.unwrap();
}

/// The file as it is, on a disk with room for so many more of its pages.
async fn on_a_disk_with_room_for(scratch: &Scratch, pages: i64) -> SqliteStore {
    let options = SqliteConnectOptions::new().filename(scratch.path());
    let mut connection = options.clone().connect().await.unwrap();
    let used: i64 =
        sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut connection).await.unwrap();
    let limit = (used + pages).to_string();
    SqliteStore::open_with(options.pragma("max_page_count", limit)).await.unwrap()
}

/// State and event are one or none, and what is said is what to do: try again when there is room.
#[tokio::test]
async fn on_a_full_disk_a_unit_of_work_fails_wholly_and_says_why() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let run = events.run(async |tx| {
        sqlx::raw_sql("CREATE TABLE counter (n INTEGER); INSERT INTO counter VALUES (0)")
            .execute(&mut **tx)
            .await?;
        Ok::<_, BoxError>(())
    });
    run.await.unwrap();
    let store = on_a_disk_with_room_for(&scratch, 5).await;
    let full = Events::builder(store).build().await.unwrap();
    let mut placed = 0;
    let error = loop {
        match count_and_raise(&full).await {
            Ok(()) => placed += 1,
            Err(error) => break error,
        }
    };
    assert!(placed > 0);
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Store, true));
    assert!(error.to_string().starts_with("cannot append to the log: "), "{error}");
    assert!(error.to_string().contains("disk is full"), "{error}");
    assert_eq!(counted(&full).await, (placed, Position::new(placed)));
    // Room is made: whoever opens the file now has it.
    count_and_raise(&events).await.unwrap();
    assert_eq!(counted(&events).await, (placed + 1, Position::new(placed + 1)));
}

/// The row is there already; the event needs room.
async fn count_and_raise(events: &Events) -> Result<(), Error> {
    let run = events.run(async |tx| {
        let counted = sqlx::raw_sql("UPDATE counter SET n = n + 1").execute(&mut **tx).await;
        counted.map_err(|error| Error::store("cannot count", error, true))?;
        raise(OrderPlaced::of(".".repeat(1_000), 1));
        Ok(())
    });
    run.await
}

async fn counted(events: &Events) -> (u64, Position) {
    let read = sqlx::query_scalar("SELECT n FROM counter").fetch_one(events.store().reader());
    (read.await.unwrap(), events.head().await.unwrap())
}

const ORDERS: i64 = 60;

#[tokio::test]
async fn on_a_full_disk_a_subscription_waits_and_goes_on_when_there_is_room() {
    let scratch = Scratch::new();
    let refused = Refused::default();
    let events = subscribed(scratch.builder().await, &refused).build().await.unwrap();
    place_orders(&events).await;
    let store = on_a_disk_with_room_for(&scratch, 5).await;
    let full = subscribed(Events::builder(store), &refused).build().await.unwrap();
    let forwarder = full.forward();
    until(async || refused.load(Ordering::SeqCst) >= 5).await;
    shut_down(forwarder).await;
    let before = handled(events.store()).await;
    let all: Vec<_> = (0..ORDERS).collect();
    assert!(!before.is_empty() && before.len() < all.len(), "{before:?}");
    let forwarder = events.forward();
    handled_all(&events, "notes").await;
    shut_down(forwarder).await;
    assert_eq!(handled(events.store()).await, all);
}

/// LIMIT: bytes of the write-ahead log, as the kernel lets the worker write them.
const WAL_BYTES_MAX: u64 = 200 * 1024;

/// What is written at a commit is what finds no room.
#[tokio::test]
async fn a_commit_that_finds_no_room_has_not_happened_and_is_made_when_there_is_some() {
    let scratch = Scratch::new();
    let builder = subscribed(scratch.builder().await, &Refused::default());
    let events = builder.build().await.unwrap();
    place_orders(&events).await;
    make_room(&scratch).await;
    let _worker = start_without_room(&scratch);
    let (head, times_full) = (events.head().await.unwrap(), AtomicU32::new(0));
    until(async || {
        let wal = std::fs::metadata(scratch.path().with_extension("db-wal")).unwrap();
        if wal.len() >= WAL_BYTES_MAX {
            times_full.fetch_add(1, Ordering::SeqCst);
            make_room(&scratch).await;
        }
        events.status("notes").await.unwrap().has_handled(head)
    })
    .await;
    assert!(times_full.into_inner() > 0, "it was never full");
    assert_eq!(handled(events.store()).await, (0..ORDERS).collect::<Vec<_>>());
}

/// A process whose files cannot grow any further: writing fails, and does not end it.
fn start_without_room(scratch: &Scratch) -> Worker {
    // In blocks of 512 bytes.
    let limited = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", WAL_BYTES_MAX / 512);
    let mut program = Command::new("sh");
    program.args(["-c", &limited]).arg(std::env::current_exe().unwrap());
    Worker::start_by(program, "full_disk", scratch, "forwarder", "")
}

/// What the write-ahead log has is put into the file, and the log is empty again.
async fn make_room(scratch: &Scratch) {
    let options = SqliteConnectOptions::new().filename(scratch.path());
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut connection).await.unwrap();
}
