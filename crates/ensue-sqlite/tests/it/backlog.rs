//! A backlog that a process finds when it starts, and how much memory it takes for it.

use ensue::{BoxError, Event, Position, Start, raise};
use ensue_sqlite::{Builder, Events, Tx};
use serde::{Deserialize, Serialize};

use crate::scratch::{Scratch, shut_down, until};
use crate::worker::{Brief, Worker};

const ENTRIES: u32 = 100_000;

/// The log is a hundred megabytes.
const TEXT_BYTES: usize = 1_024;

/// Each process handles so many before it is shut down, and the next one resumes.
const SHARE: u64 = 10_000;

/// LIMIT: a process that took the backlog into memory would need more than twice as much. Two pages
/// of a thousand entries are 2 MB; the rest is the program and SQLite's caches.
const KILOBYTES_MAX: u64 = 48 * 1024;

#[derive(Event, Serialize, Deserialize)]
#[event(type = "page.scanned", key = number)]
struct PageScanned {
    number: u32,
    text: String,
}

async fn read(_: &PageScanned, _: &mut Tx) {}

fn subscribed(builder: Builder) -> Builder {
    builder.subscription("reading", |s| s.on(read).from(Start::Beginning))
}

async fn cursor(events: &Events) -> Position {
    events.status("reading").await.unwrap().cursor
}

/// Handles its share, and says how much memory that took at the most.
#[tokio::test]
async fn a_worker_with_nothing_to_do_ends() {
    let Some(brief) = Brief::of_this_process() else { return };
    let events = subscribed(Events::builder(brief.store().await)).build().await.unwrap();
    let share_ends = cursor(&events).await.get() + SHARE;
    let forwarder = events.forward();
    until(async || cursor(&events).await.get() >= share_ends).await;
    shut_down(forwarder).await;
    // Nobody finds it half written.
    let unfinished = brief.file.with_extension("unfinished");
    std::fs::write(&unfinished, peak_kilobytes().to_string()).unwrap();
    std::fs::rename(unfinished, brief.file.with_extension(brief.name)).unwrap();
}

/// The most memory that this process had resident at any time.
fn peak_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A thousand entries in each unit of work.
async fn scan(events: &Events) {
    let text = ".".repeat(TEXT_BYTES);
    for thousand in 0..ENTRIES / 1_000 {
        let run = events.run(async |_tx| {
            for number in 0..1_000 {
                raise(PageScanned { number: thousand * 1_000 + number, text: text.clone() });
            }
            Ok::<_, BoxError>(())
        });
        run.await.unwrap();
    }
}

#[tokio::test]
async fn a_backlog_of_a_hundred_thousand_entries_is_resumed_in_bounded_memory() {
    let scratch = Scratch::new();
    let events = subscribed(scratch.builder().await).build().await.unwrap();
    scan(&events).await;
    for name in ["first", "second"] {
        let _worker = Worker::start("backlog", &scratch, "reader", name);
        let said = scratch.path().with_extension(name);
        until(async || said.exists()).await;
        let peak: u64 = std::fs::read_to_string(said).unwrap().parse().unwrap();
        assert!(peak < KILOBYTES_MAX, "it took {peak} kB");
    }
    let done = cursor(&events).await.get();
    assert!((2 * SHARE..u64::from(ENTRIES)).contains(&done), "{done} are handled");
}
