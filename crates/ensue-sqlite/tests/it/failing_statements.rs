//! Failures of every statement of a transaction with several, in every way in which SQLite lets one fail.
//!
//! An error matters by what it leaves: the statement undone (a constraint, a value that is too large), done
//! in part, or the whole transaction undone (a full disk, an I/O error, a lack of memory). A trigger causes
//! exactly that, on each table; an interruption may come at any instruction.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ensue::listener::Message;
use ensue::subscription::{
    Answer, Change, Command, Epoch, Failure, FailureClass, Replayed, RequestId, SetAside,
    SetAsideState, Start, TakeOver, Unhandled,
};
use ensue::{
    CorrelationId, DeadLetter, Envelope, Error, ErrorKind, EventId, Inbox, Position, Subscriptions,
    Timestamp, Transactions,
};
use ensue_sqlite::{Events, SqliteStore};
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};

use crate::scratch::Scratch;

const NAME: &str = "refunds";
const LEASE: Duration = Duration::from_secs(3_600);

/// The steps, in order. A step that fails is repeated once.
const STEPS: [Step; 16] = [
    Step("register", |store| {
        Box::pin(async move { store.register(NAME, Start::Head, TYPES).await })
    }),
    Step("register a new type", |store| {
        Box::pin(async move { store.register(NAME, Start::Head, &["order.placed", "new"]).await })
    }),
    Step("append", |store| Box::pin(append(store))),
    Step("take over", |store| {
        Box::pin(async move {
            let taken = store.take_over(NAME, "here", LEASE).await?;
            assert!(matches!(taken, TakeOver::Granted(_)), "{taken:?}");
            Ok(())
        })
    }),
    Step("stand by", |store| {
        Box::pin(async move { store.take_over(NAME, "elsewhere", LEASE).await.map(drop) })
    }),
    Step("renew", |store| {
        Box::pin(async move { store.renew(NAME, epoch(store).await, LEASE).await.map(drop) })
    }),
    Step("ask", |store| {
        Box::pin(async move { store.request(NAME, &Command::Pause, "to look").await.map(drop) })
    }),
    Step("record with an effect", |store| {
        Box::pin(async move {
            let envelopes = envelopes(2);
            record(store, &envelopes, &[Change::Advance { to: Position::new(1) }]).await
        })
    }),
    Step("record much", |store| Box::pin(record_much(store))),
    Step("seek", |store| {
        Box::pin(async move { record(store, &[], &[Change::Seek { to: Position::new(5) }]).await })
    }),
    Step("suspect", |store| {
        Box::pin(async move { store.suspect(NAME, EventId::named(b"suspect")).await.map(drop) })
    }),
    Step("bury", |store| Box::pin(bury(store))),
    Step("exhume", |store| {
        Box::pin(async move {
            let mut transaction = store.begin().await?;
            let id = EventId::named(b"1");
            let letter = store.exhume(&mut transaction, NAME, id).await?;
            assert!(letter.is_some());
            store.append(&mut transaction, &envelopes(1)).await?;
            store.commit(transaction).await
        })
    }),
    Step("drop a dead letter", |store| {
        Box::pin(async move {
            store.drop_dead_letter(NAME, EventId::named(b"2"), "a test").await.map(drop)
        })
    }),
    Step(FORGET, |store| {
        Box::pin(async move { store.forget(NAME, Duration::ZERO).await.map(drop) })
    }),
    Step(PRUNE, |store| {
        Box::pin(async move { store.prune(Position::new(5), Unhandled::Keep).await.map(drop) })
    }),
];

/// A step of several independent transactions.
const FORGET: &str = "forget";
const PRUNE: &str = "prune";

const TYPES: &[&str] = &["order.placed"];

type Doing<'s> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 's>>;

struct Step(&'static str, fn(&SqliteStore) -> Doing<'_>);

async fn epoch(store: &SqliteStore) -> Epoch {
    let read = "SELECT epoch FROM ensue_owner";
    let epoch: i64 = sqlx::query_scalar(read).fetch_one(store.reader()).await.unwrap();
    Epoch::new(epoch.unsigned_abs())
}

/// Appends more events than fit into one statement.
async fn append(store: &SqliteStore) -> Result<(), Error> {
    let mut transaction = store.begin().await?;
    store.append(&mut transaction, &envelopes(9)).await?;
    store.commit(transaction).await
}

async fn record(
    store: &SqliteStore,
    envelopes: &[Envelope],
    changes: &[Change],
) -> Result<(), Error> {
    let epoch = epoch(store).await;
    let mut transaction = store.begin().await?;
    if !envelopes.is_empty() {
        store.append(&mut transaction, envelopes).await?;
    }
    store.record(&mut transaction, NAME, epoch, changes).await?;
    store.commit(transaction).await
}

async fn record_much(store: &SqliteStore) -> Result<(), Error> {
    let position = Position::new;
    let request = RequestId::new(1);
    let set_aside = (2..=9).map(|number| {
        Change::SetAside(SetAside {
            position: position(number),
            key: Some("A".to_owned()),
            state: SetAsideState::Queued,
            attempts: 0,
            failure: None,
            is_replay: false,
        })
    });
    let mut changes: Vec<_> = set_aside.collect();
    changes.extend([
        Change::Receipt { position: position(10) },
        Change::Receipt { position: position(11) },
        Change::Settle { position: position(2) },
        Change::Pause { reason: "to look".to_owned() },
        Change::Resume,
        Change::Replayed { request, replayed: Replayed { up_to: position(1), entries: 1 } },
        Change::Answer { request, answer: Answer::Done { changed: 1 } },
        Change::Advance { to: position(9) },
        Change::Forget { up_to: position(10) },
    ]);
    record(store, &[], &changes).await
}

async fn bury(store: &SqliteStore) -> Result<(), Error> {
    let mut transaction = store.begin().await?;
    for name in [b"1", b"2"] {
        let id = EventId::named(name);
        store.note(&mut transaction, NAME, &[id]).await?;
        let envelope = Envelope { id, ..envelope() };
        let source = "shop".to_owned();
        let message = Message { source, id: id.to_string(), sequence: None, envelope };
        let letter = DeadLetter {
            id,
            message: Ok(message),
            failure: Failure::new(FailureClass::Handler, "no card"),
            attempts: 5,
            died_at: Timestamp::from_micros(0),
            cut: None,
        };
        store.bury(&mut transaction, NAME, &letter).await?;
    }
    store.commit(transaction).await
}

fn envelopes(count: usize) -> Vec<Envelope> {
    (0..count).map(|_| envelope()).collect()
}

fn envelope() -> Envelope {
    let id = EventId::now();
    Envelope {
        id,
        event_type: Cow::Borrowed("order.placed"),
        version: 1,
        key: Some("A".to_owned()),
        content_type: Cow::Borrowed("application/json"),
        payload: b"{}".to_vec(),
        occurred_at: Timestamp::from_micros(1_700_000_000_000_000),
        correlation_id: CorrelationId::from(id),
        causation_id: None,
        hops: 0,
        trace_context: None,
        headers: BTreeMap::new(),
    }
}

/// A connection to the file that bypasses the store.
struct Beside(SqliteConnection);

impl Beside {
    async fn of(store: &SqliteStore) -> Self {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(store.path());
        Self(options.connect().await.unwrap())
    }

    async fn execute(&mut self, statement: String) {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut self.0).await.unwrap();
    }

    async fn strings(&mut self, query: String) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut self.0).await.unwrap()
    }

    async fn tables(&mut self) -> Vec<String> {
        let tables = "SELECT name FROM sqlite_schema
            WHERE type = 'table' AND name LIKE 'ensue_%' AND name <> 'ensue_migration'
            ORDER BY name";
        self.strings(tables.to_owned()).await
    }

    /// Returns all stored rows.
    async fn dump(&mut self) -> BTreeMap<String, Vec<String>> {
        let mut dump = BTreeMap::new();
        for table in self.tables().await {
            let columns =
                format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')");
            let columns = self.strings(columns).await.join(" || ',' || ");
            let rows = self.strings(format!("SELECT {columns} FROM {table} ORDER BY 1")).await;
            dump.insert(table, rows);
        }
        dump
    }
}

/// Asserts that a failed step changed nothing, unless it is in doubt or runs in parts.
fn assert_unchanged(
    step: &Step,
    what: &str,
    error: &Error,
    before: &BTreeMap<String, Vec<String>>,
    after: &BTreeMap<String, Vec<String>>,
) {
    if error.kind() == ErrorKind::InDoubt || [FORGET, PRUNE].contains(&step.0) {
        return;
    }
    for (table, rows) in before {
        assert_eq!(rows, &after[table], "{table} after `{}` failed: {what}: {error}", step.0);
    }
}

async fn assert_sound(store: SqliteStore, what: &str) {
    let events = Events::builder(store).build().await.unwrap();
    let verification = events.verify().await.unwrap();
    assert!(verification.is_sound(), "{what}: {verification:?}");
}

#[tokio::test]
async fn a_statement_that_fails_in_any_way_takes_its_transaction_back_and_work_goes_on() {
    let mut failures = BTreeMap::<&str, u32>::new();
    let tables = Beside::of(&Scratch::new().store().await).await.tables().await;
    for table in tables {
        for verb in ["INSERT", "UPDATE", "DELETE"] {
            for way in ["ABORT", "FAIL", "ROLLBACK"] {
                let what = format!("{way} at {verb} of {table}");
                let trigger = format!(
                    "CREATE TRIGGER injected BEFORE {verb} ON {table}
                    BEGIN SELECT RAISE({way}, 'injected'); END"
                );
                let scratch = Scratch::new();
                let store = scratch.store().await;
                let mut beside = Beside::of(&store).await;
                for step in &STEPS {
                    let before = beside.dump().await;
                    beside.execute(trigger.clone()).await;
                    let done = step.1(&store).await;
                    beside.execute("DROP TRIGGER injected".to_owned()).await;
                    if let Err(error) = done {
                        *failures.entry(step.0).or_default() += 1;
                        let after = beside.dump().await;
                        assert_unchanged(step, &what, &error, &before, &after);
                        step.1(&store).await.unwrap_or_else(|error| {
                            panic!("`{}` does not go on after {what}: {error}", step.0)
                        });
                    }
                }
                assert_sound(store, &what).await;
            }
        }
    }
    let unharmed: Vec<_> = STEPS.iter().filter(|step| !failures.contains_key(step.0)).collect();
    assert!(
        unharmed.is_empty(),
        "no failure met {:?}",
        unharmed.iter().map(|it| it.0).collect::<Vec<_>>()
    );
}

/// Instructions of SQLite's virtual machine between interruptions: fewer than any statement has.
const INSTRUCTIONS: i32 = 10;

/// Makes the store's only writing connection fail once, after `steps` × `INSTRUCTIONS` instructions.
async fn interrupt_after(store: &SqliteStore, left: &Arc<AtomicI64>, steps: i64) {
    left.store(i64::MAX, Ordering::SeqCst);
    let mut transaction = store.begin().await.unwrap();
    let counted = Arc::clone(left);
    let mut handle = transaction.lock_handle().await.unwrap();
    handle.set_progress_handler(INSTRUCTIONS, move || counted.fetch_sub(1, Ordering::SeqCst) != 0);
    drop(handle);
    store.rollback(transaction).await.unwrap();
    left.store(steps, Ordering::SeqCst);
}

#[tokio::test]
async fn an_interruption_at_any_instruction_takes_the_transaction_back_and_work_goes_on() {
    let scratch = Scratch::new();
    let store = scratch.store().await;
    let mut beside = Beside::of(&store).await;
    let left = Arc::new(AtomicI64::new(i64::MAX));
    let mut interruptions = 0;
    for step in &STEPS {
        for steps in 0.. {
            let before = beside.dump().await;
            interrupt_after(&store, &left, steps).await;
            let done = step.1(&store).await;
            let is_met = left.swap(i64::MAX, Ordering::SeqCst) < 0;
            let Err(error) = done else {
                assert!(!is_met, "`{}` did not notice an interruption", step.0);
                break;
            };
            interruptions += 1;
            let after = beside.dump().await;
            assert_unchanged(step, "an interruption", &error, &before, &after);
            if error.kind() == ErrorKind::InDoubt && after != before {
                break;
            }
        }
    }
    assert_sound(store, "interruptions").await;
    assert!(interruptions > 100, "{interruptions} interruptions");
}
