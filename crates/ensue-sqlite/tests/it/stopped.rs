//! Owners that stand still at the wrong moment, and go on when others have taken their place.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ensue::{BoxError, Error, Meta, State, Subscriptions, raise};
use ensue_sqlite::{Builder, Events, SqliteStore, Tx};

use crate::scratch::{
    OrderCancelled, OrderPlaced, Scratch, add_effect, eager, effects, handled_all, note, payloads,
    place, shut_down, until,
};
use crate::worker::{Brief, Worker};

/// The lease of owners that are waited for until it has run out.
const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_worker_with_nothing_to_do_ends() {
    let Some(brief) = Brief::of_this_process() else { return };
    let builder = Events::builder(brief.store().await).state(Spot::beside(&brief.file));
    let builder = match brief.role.as_str() {
        "busy" => busy(builder),
        "stops before its commit" => {
            builder.lease(SHORT).subscribe("notes", stop_before_the_commit)
        }
        "stops in the handler" => {
            cancelling(builder, brief.name.parse().map(Duration::from_millis).unwrap(), STOPPED)
        }
        "takes long" => builder.lease(PATIENT).subscribe("notes", take_long),
        other => panic!("`{other}` is no role"),
    };
    let events = builder.build().await.unwrap();
    let _forwarder = events.forward();
    std::future::pending::<()>().await;
}

fn start(scratch: &Scratch, role: &str) -> Worker {
    Worker::start("stopped", scratch, role, "")
}

/// As [`start`], with a lease of its own.
fn start_with_lease(scratch: &Scratch, role: &str, lease: Duration) -> Worker {
    Worker::start("stopped", scratch, role, &lease.as_millis().to_string())
}

fn signal(name: &str, worker: &Worker) {
    let command = format!("kill -s {name} {}", worker.id());
    assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
}

/// SIGSTOP; afterwards it stands still.
async fn stop(worker: &Worker) {
    signal("STOP", worker);
    let status = format!("/proc/{}/status", worker.id());
    until(async || std::fs::read_to_string(&status).unwrap().contains("State:\tT")).await;
}

/// SIGCONT.
fn resume(worker: &Worker) {
    signal("CONT", worker);
}

/// The place where a worker is stopped: it says when it is there, and does not go past it before
/// it may.
#[derive(Clone)]
struct Spot(PathBuf);

impl Spot {
    fn beside(database: &Path) -> Self {
        Self(database.to_owned())
    }

    fn reached(&self) -> PathBuf {
        self.0.with_extension("reached")
    }

    fn passable(&self) -> PathBuf {
        self.0.with_extension("passable")
    }

    /// The worker is there; the whole process waits.
    fn reach(&self) {
        std::fs::write(self.reached(), "").unwrap();
        while !self.passable().exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    async fn stop(&self, worker: &Worker) {
        until(async || self.reached().exists()).await;
        stop(worker).await;
    }

    fn resume(&self, worker: &Worker) {
        std::fs::write(self.passable(), "").unwrap();
        resume(worker);
    }
}

/// Whether it is the one that is called so: an owner's name begins with its process.
fn is(worker: &Worker, owner: &str) -> bool {
    owner.split_once('@').is_some_and(|(process, _)| process == worker.id().to_string())
}

async fn owner(events: &Events, subscription: &str) -> Option<String> {
    events.status(subscription).await.unwrap().owner
}

fn busy(builder: Builder) -> Builder {
    builder
        .lease(SHORT)
        .subscription("one", |s| s.on(one).retry(eager()))
        .subscription("several", |s| s.on(several).lanes(4).retry(eager()))
}

async fn one(event: &OrderPlaced, meta: Meta, tx: &mut Tx) -> Result<(), BoxError> {
    act("one", event, &meta, tx).await
}

async fn several(event: &OrderPlaced, meta: Meta, tx: &mut Tx) -> Result<(), BoxError> {
    act("several", event, &meta, tx).await
}

/// Fails now and then, after its effect.
async fn act(who: &str, event: &OrderPlaced, meta: &Meta, tx: &mut Tx) -> Result<(), BoxError> {
    add_effect(tx, &format!("{who} {} {}", event.order_no, event.amount)).await?;
    match event.amount % 7 == 3 && meta.attempt == 1 {
        true => Err("not at the first attempt".into()),
        false => Ok(()),
    }
}

/// Orders of a few keys, numbered key by key.
async fn place_some(events: &Events, amounts: std::ops::Range<i64>) {
    let run = events.run(async |_tx| {
        for amount in amounts.clone() {
            KEYS.iter().for_each(|key| raise(OrderPlaced::of(*key, amount)));
        }
        Ok::<_, Error>(())
    });
    run.await.unwrap();
}

const KEYS: [&str; 4] = ["A", "B", "C", "D"];

/// Returns true if the process is in a writing transaction of any database: the write lock is a byte of
/// the shared-memory file that SQLite keeps beside the database.
fn holds_the_write_lock(worker: &Worker) -> bool {
    const BYTE: &str = "120";
    let (locks, id) = (std::fs::read_to_string("/proc/locks").unwrap(), worker.id().to_string());
    locks.lines().any(|lock| {
        let fields: Vec<_> = lock.split_whitespace().collect();
        let first = fields.len().checked_sub(2).and_then(|first| fields.get(first));
        fields.contains(&"WRITE") && fields.contains(&&*id) && first == Some(&BYTE)
    })
}

const ROUNDS: usize = 24;

/// LIMIT: rounds until an owner is robbed.
const ROUNDS_MAX: usize = 1_000;

/// SIGSTOP at any moment, while there is work, for a moment or until another process is the owner.
#[tokio::test]
async fn stopped_at_any_moment_and_gone_on_nothing_is_lost_and_nothing_is_done_twice() {
    let scratch = Scratch::new();
    let events = busy(scratch.builder().await).build().await.unwrap();
    let workers = [start(&scratch, "busy"), start(&scratch, "busy")];
    let (mut placed, mut robbed) = (0, 0);
    for round in 0..ROUNDS_MAX {
        if round >= ROUNDS && robbed > 0 {
            break;
        }
        place_some(&events, placed..placed + 10).await;
        placed += 10;
        tokio::time::sleep(Duration::from_micros(fastrand::u64(..40_000))).await;
        let subscription = ["one", "several"][round % 2];
        let Some(name) = owner(&events, subscription).await else { continue };
        let Some(victim) = workers.iter().find(|worker| is(worker, &name)) else { continue };
        stop(victim).await;
        if fastrand::bool() {
            tokio::time::sleep(Duration::from_micros(fastrand::u64(..20_000))).await;
        } else {
            // No process can rob an owner that holds the write lock.
            let is_robbed =
                async || owner(&events, subscription).await.is_some_and(|owner| owner != name);
            until(async || is_robbed().await || holds_the_write_lock(victim)).await;
            robbed += usize::from(is_robbed().await);
        }
        resume(victim);
    }
    assert!(robbed > 0, "nobody was robbed");
    drop(workers);
    let forwarder = events.forward();
    for subscription in ["one", "several"] {
        handled_all(&events, subscription).await;
    }
    shut_down(forwarder).await;
    let effects = effects(events.store()).await;
    let expected: Vec<_> = (0..placed).collect();
    for (who, key) in ["one", "several"].into_iter().flat_map(|who| KEYS.map(|key| (who, key))) {
        let start = format!("{who} {key} ");
        let done = effects.iter().filter_map(|effect| effect.strip_prefix(&start)?.parse().ok());
        assert_eq!(done.collect::<Vec<i64>>(), expected, "{who}, order {key}");
    }
}

/// Is stopped when its COMMIT was sent, and so after the fence: nothing is written yet.
async fn stop_before_the_commit(
    event: &OrderPlaced,
    State(spot): State<Spot>,
    tx: &mut Tx,
) -> Result<(), BoxError> {
    add_effect(tx, &event.order_no).await?;
    tx.lock_handle().await?.set_commit_hook(move || {
        spot.reach();
        true
    });
    Ok(())
}

/// An order whose handler is stopped between fence and commit, for longer than its lease; nobody can
/// take over meanwhile, since whoever has passed the fence holds the write lock.
async fn stopped_before_its_commit(scratch: &Scratch, spot: &Spot) -> (Events, Worker) {
    let builder = scratch.builder().await.lease(SHORT);
    let events = builder.subscribe("notes", note).build().await.unwrap();
    let worker = start(scratch, "stops before its commit");
    place(&events, "A").await;
    spot.stop(&worker).await;
    until(async || owner(&events, "notes").await.is_none()).await;
    let taken_over = events.store().take_over("notes", "thief", SHORT);
    let answer = tokio::time::timeout(SHORT * 2, taken_over).await;
    assert!(answer.is_err(), "it came between: {answer:?}");
    assert_eq!(effects(events.store()).await, [""; 0]);
    (events, worker)
}

#[tokio::test]
async fn an_owner_that_stood_still_between_fence_and_commit_commits_when_it_goes_on() {
    let scratch = Scratch::new();
    let spot = Spot::beside(&scratch.path());
    let (events, worker) = stopped_before_its_commit(&scratch, &spot).await;
    spot.resume(&worker);
    handled_all(&events, "notes").await;
    drop(worker);
    let forwarder = events.forward();
    place(&events, "B").await;
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, ["A", "B"]);
    shut_down(forwarder).await;
}

#[tokio::test]
async fn an_owner_that_was_killed_between_fence_and_commit_has_done_nothing() {
    let scratch = Scratch::new();
    let spot = Spot::beside(&scratch.path());
    let (events, mut worker) = stopped_before_its_commit(&scratch, &spot).await;
    worker.kill();
    assert_eq!(effects(events.store()).await, [""; 0]);
    let forwarder = events.forward();
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, ["A"]);
    shut_down(forwarder).await;
}

/// Says who has handled the order, by an event.
fn cancelling(builder: Builder, lease: Duration, who: &'static str) -> Builder {
    builder.lease(lease).state(who).subscribe("notes", cancel)
}

async fn cancel(event: &OrderPlaced, State(who): State<&'static str>, State(spot): State<Spot>) {
    if who == STOPPED && event.order_no == "A" {
        spot.reach();
    }
    raise(OrderCancelled { order_no: format!("{} by {who}", event.order_no) });
}

const STOPPED: &str = "the stopped one";

/// Order A is handled by this process while its first handler stands still; that one goes on, and
/// handles order B.
async fn go_on_after_the_successor(events: &Events, spot: &Spot, worker: &Worker) {
    let forwarder = events.forward();
    handled_all(events, "notes").await;
    shut_down(forwarder).await;
    spot.resume(worker);
    place(events, "B").await;
    handled_all(events, "notes").await;
    let log = payloads(events.store()).await;
    let cancelled = log.iter().filter(|payload| payload.contains(" by "));
    let expected = ["A by the successor", "B by the stopped one"];
    let expected = expected.map(|order_no| format!(r#"{{"order_no":"{order_no}"}}"#));
    assert_eq!(cancelled.collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_handler_that_stood_still_for_longer_than_its_lease_comes_too_late() {
    let scratch = Scratch::new();
    let spot = Spot::beside(&scratch.path());
    let builder = scratch.builder().await.state(spot.clone());
    let builder = cancelling(builder, SHORT, "the successor");
    let events = builder.build().await.unwrap();
    let worker = start_with_lease(&scratch, "stops in the handler", SHORT);
    place(&events, "A").await;
    spot.stop(&worker).await;
    go_on_after_the_successor(&events, &spot, &worker).await;
}

/// Its own clock says that the lease runs on, as after a sleep of the whole machine: the fence alone
/// is left to stop it.
#[tokio::test]
async fn a_robbed_owner_that_trusts_its_lease_is_fenced_and_its_effect_rolled_back() {
    let scratch = Scratch::new();
    let long = Duration::from_secs(600);
    let spot = Spot::beside(&scratch.path());
    let builder = scratch.builder().await.state(spot.clone());
    let builder = cancelling(builder, long, "the successor");
    let events = builder.build().await.unwrap();
    let worker = start_with_lease(&scratch, "stops in the handler", long);
    place(&events, "A").await;
    spot.stop(&worker).await;
    let end_the_lease = events.run(async |tx| {
        sqlx::raw_sql("UPDATE ensue_lease SET until_us = 0").execute(&mut **tx).await?;
        Ok::<_, BoxError>(())
    });
    end_the_lease.await.unwrap();
    go_on_after_the_successor(&events, &spot, &worker).await;
}

/// A machine that stalls for two thirds of the lease ends the term.
const PATIENT: Duration = Duration::from_secs(6);

/// For so many leases it is watched that nobody takes over.
const LEASES: i64 = 1;

/// Takes longer than the lease.
async fn take_long(_: &OrderPlaced) {
    std::future::pending::<()>().await;
}

/// A term, by the database's clock.
struct Term {
    epoch: i64,
    since_us: i64,
    until_us: i64,
}

async fn term(store: &SqliteStore) -> Term {
    let read = "SELECT epoch, since_us, until_us
        FROM ensue_owner JOIN ensue_lease USING (subscription)";
    let row = sqlx::query_as(read).fetch_one(store.reader()).await.unwrap();
    let (epoch, since_us, until_us) = row;
    Term { epoch, since_us, until_us }
}

#[tokio::test]
async fn a_handler_that_takes_long_keeps_its_lease_and_is_taken_over_after_it_once_its_process_dies()
 {
    let scratch = Scratch::new();
    let builder = scratch.builder().await.lease(PATIENT);
    let events = builder.subscribe("notes", note).build().await.unwrap();
    let mut worker = start(&scratch, "takes long");
    place(&events, "A").await;
    until(async || owner(&events, "notes").await.is_some_and(|owner| is(&worker, &owner))).await;
    // It stands by, and asks again and again.
    let forwarder = events.forward();
    let lease_us = i64::try_from(PATIENT.as_micros()).unwrap();
    let Term { epoch, until_us, .. } = term(events.store()).await;
    let leases_later = until_us + LEASES * lease_us;
    until(async || term(events.store()).await.until_us > leases_later).await;
    assert_eq!(term(events.store()).await.epoch, epoch);
    assert_eq!(effects(events.store()).await, [""; 0]);
    worker.kill();
    let ended_at = term(events.store()).await.until_us;
    handled_all(&events, "notes").await;
    assert_eq!(effects(events.store()).await, ["A"]);
    assert!(term(events.store()).await.since_us >= ended_at, "taken over before the lease's end");
    shut_down(forwarder).await;
}
