//! A shop that stored its events as the book does takes them along.

use std::pin::{Pin, pin};
use std::task::{Context, Waker};
use std::time::Duration;

use ensue::store::Page;
use ensue::{BoxError, Entry, Error, ErrorKind, Event, Log, Meta, Position, Start, Timestamp};
use ensue::{Transactions, raise};
use ensue_sqlite::import::EventEntry;
use ensue_sqlite::{Events, SqliteStore, Tx};
use futures_util::stream::{self, Stream, StreamExt};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tokio::sync::Notify;

use crate::scratch::{
    OrderPlaced, SOON, Scratch, add_effect, effects, handled_all, note, place, shut_down,
};

/// The book's table, as it is written for SQLite.
const TABLE: &str = "CREATE TABLE evententry (
    id INTEGER PRIMARY KEY AUTOINCREMENT, type VARCHAR(255), content_type VARCHAR(255),
    payload MEDIUMTEXT, timestamp DATETIME
)";

const CANCELED: &str = "com.myshop.order.command.domain.OrderCanceledEvent";

async fn execute(connection: &mut SqliteConnection, statements: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(connection).await.unwrap();
}

/// A store whose file has the table, and what `statements` put into it.
async fn shop(scratch: &Scratch, statements: &str) -> SqliteStore {
    shop_with(scratch, TABLE, statements).await
}

/// As it comes from a database with other rules: SQLite would not know that the ids are unique, or
/// numbers, or there.
fn loose_table() -> String {
    TABLE.replace("INTEGER PRIMARY KEY AUTOINCREMENT", "INT")
}

async fn shop_with(scratch: &Scratch, table: &str, statements: &str) -> SqliteStore {
    let store = scratch.store().await;
    let mut transaction = store.begin().await.unwrap();
    execute(&mut transaction, table).await;
    execute(&mut transaction, statements).await;
    store.commit(transaction).await.unwrap();
    store
}

/// One row, with `NULL` or whatever else is said in place of a column.
fn row(column: &str, value: &str) -> String {
    let said = |name: &str, usual: &str| if name == column { value } else { usual }.to_owned();
    let (id, event_type) = (said("id", "7"), said("type", "'SampleEvent'"));
    let (content_type, payload) =
        (said("content_type", "'application/json'"), said("payload", "'{}'"));
    let timestamp = said("timestamp", "1700000000123");
    format!(
        "INSERT INTO evententry VALUES ({id}, {event_type}, {content_type}, {payload}, {timestamp})"
    )
}

/// So many rows, with ids of which each third is missing.
fn rows(count: u32) -> String {
    format!(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count})
         INSERT INTO evententry
         SELECT n + n / 2, '{CANCELED}', 'application/json',
                json_object('orderNumber', 'A-' || n), '2023-11-14 22:13:20'
         FROM number"
    )
}

fn entry(id: i64) -> EventEntry {
    EventEntry {
        id,
        event_type: CANCELED.to_owned(),
        content_type: "application/json".to_owned(),
        payload: format!(r#"{{"orderNumber":"A-{id}"}}"#).into(),
        timestamp: Timestamp::from_micros(id),
    }
}

fn entries(ids: impl IntoIterator<Item = i64>) -> Vec<Result<EventEntry, BoxError>> {
    ids.into_iter().map(|id| Ok(entry(id))).collect()
}

async fn log(store: &SqliteStore) -> Vec<Entry> {
    store.entries(Page::new(Position::START, 1_000)).await.unwrap()
}

async fn payloads(store: &SqliteStore) -> Vec<Vec<u8>> {
    log(store).await.into_iter().map(|entry| entry.envelope.payload).collect()
}

/// Nothing was imported, and an import can be tried again.
async fn is_as_before(store: &SqliteStore) {
    let imported = store.import().from_entries(stream::iter(entries([]))).await;
    assert_eq!(imported.unwrap(), 0);
    assert_eq!(store.head().await.unwrap(), Position::START);
    assert_eq!(log(store).await, []);
}

#[tokio::test]
async fn a_row_becomes_an_event_with_all_it_had() {
    let scratch = Scratch::new();
    let row = format!(
        r#"INSERT INTO evententry VALUES
           (3, '{CANCELED}', 'application/json', '{{ "orderNumber" :	"A-1" }}', 1700000000123)"#
    );
    let store = shop(&scratch, &row).await;
    let before = Timestamp::from(std::time::SystemTime::now());

    assert_eq!(store.import().from_same_file().await.unwrap(), 1);

    let [imported] = <[Entry; 1]>::try_from(log(&store).await).unwrap();
    assert_eq!(imported.position, Position::new(1));
    assert!(imported.recorded_at >= before);
    let envelope = imported.envelope;
    assert_eq!(envelope.event_type, CANCELED);
    assert_eq!(envelope.content_type, "application/json");
    assert_eq!(envelope.payload, b"{ \"orderNumber\" :\t\"A-1\" }");
    assert_eq!(envelope.occurred_at, Timestamp::from_micros(1_700_000_000_123_000));
    assert_eq!((envelope.version, envelope.key, envelope.hops), (1, None, 0));
    assert_eq!(envelope.correlation_id.as_str(), envelope.id.to_string());
    assert!(envelope.causation_id.is_none() && envelope.headers.is_empty());
}

#[tokio::test]
async fn positions_are_counts_in_the_order_of_ids_whatever_gaps_those_have() {
    for table in [TABLE, &loose_table()] {
        let scratch = Scratch::new();
        let values = "INSERT INTO evententry VALUES
            (900, 'e', 'text/plain', 'fourth', 0), (-5, 'e', 'text/plain', 'first', 0),
            (12, 'e', 'text/plain', 'third', 0), (2, 'e', 'text/plain', 'second', 0),
            (13, 'e', 'text/plain', 'gone', 0); DELETE FROM evententry WHERE payload = 'gone'";
        let store = shop_with(&scratch, table, values).await;
        assert_eq!(store.import().from_same_file().await.unwrap(), 4);
        let imported = log(&store).await;
        let positions: Vec<_> = imported.iter().map(|entry| entry.position.get()).collect();
        assert_eq!(positions, [1, 2, 3, 4]);
        assert_eq!(payloads(&store).await, [&b"first"[..], b"second", b"third", b"fourth"]);
    }
}

#[tokio::test]
async fn a_payload_stays_as_it_is_byte_for_byte() {
    let scratch = Scratch::new();
    let store = shop(
        &scratch,
        "INSERT INTO evententry (type, content_type, payload, timestamp) VALUES
             ('e', 'c', '', 0), ('e', 'c', '주문취소됨 ☕', 0), ('e', 'c', char(65279, 13, 10, 9), 0),
             ('e', 'c', 'before' || char(0) || 'after', 0), ('e', 'c', x'FBFF00FE', 0),
             ('e', 'c', CAST(x'FBFF' AS TEXT), 0), ('e', 'c', '0012', 0), ('e', 'c', 12, 0)",
    )
    .await;
    store.import().from_same_file().await.unwrap();
    let expected: [&[u8]; 8] = [
        b"",
        "주문취소됨 ☕".as_bytes(),
        "\u{feff}\r\n\t".as_bytes(),
        b"before\0after",
        b"\xfb\xff\x00\xfe",
        b"\xfb\xff",
        b"0012",
        b"12",
    ];
    assert_eq!(payloads(&store).await, expected);
}

#[tokio::test]
async fn the_table_of_another_file_is_read_and_left_as_it_was() {
    let (scratch, elsewhere) = (Scratch::new(), Scratch::new());
    let options = SqliteConnectOptions::new().filename(elsewhere.path()).create_if_missing(true);
    let mut old = options.connect().await.unwrap();
    execute(&mut old, TABLE).await;
    execute(&mut old, &rows(10)).await;
    drop(old);
    let before = std::fs::read(elsewhere.path()).unwrap();

    let store = scratch.store().await;
    assert_eq!(store.import().from_file(elsewhere.path()).await.unwrap(), 10);

    assert_eq!(store.head().await.unwrap(), Position::new(10));
    assert_eq!(std::fs::read(elsewhere.path()).unwrap(), before);
}

#[tokio::test]
async fn a_table_in_the_same_file_stays_there() {
    let scratch = Scratch::new();
    let store = shop(&scratch, &rows(10)).await;
    store.import().from_same_file().await.unwrap();
    let count = sqlx::query_scalar("SELECT count(*) FROM evententry").fetch_one(store.reader());
    assert_eq!(count.await.ok(), Some(10_i64));
}

#[tokio::test]
async fn a_table_without_rows_imports_nothing() {
    let scratch = Scratch::new();
    let store = shop(&scratch, "").await;
    assert_eq!(store.import().from_same_file().await.unwrap(), 0);
    is_as_before(&store).await;
}

#[tokio::test]
async fn a_file_or_a_table_that_is_not_there_is_an_error_that_names_it() {
    let scratch = Scratch::new();
    let store = scratch.store().await;
    let no_table = store.import().from_same_file().await.unwrap_err();
    assert_eq!((no_table.kind(), no_table.is_retryable()), (ErrorKind::Store, false));
    assert!(no_table.to_string().contains("`evententry` of `"), "{no_table}");
    assert!(no_table.to_string().contains("no such table"), "{no_table}");

    let nowhere = scratch.path().with_file_name("nowhere.db");
    let no_file = store.import().from_file(&nowhere).await.unwrap_err();
    assert!(no_file.to_string().contains("nowhere.db"), "{no_file}");
    assert!(!nowhere.exists(), "the file was made");
    is_as_before(&store).await;
}

#[tokio::test]
async fn a_file_in_utf_16_is_refused() {
    let (scratch, elsewhere) = (Scratch::new(), Scratch::new());
    let options = SqliteConnectOptions::new().filename(elsewhere.path()).create_if_missing(true);
    let mut old = options.connect().await.unwrap();
    execute(&mut old, "PRAGMA encoding = 'UTF-16le'").await;
    execute(&mut old, TABLE).await;
    execute(&mut old, &rows(1)).await;
    let store = scratch.store().await;
    let error = store.import().from_file(elsewhere.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("UTF-16le"), "{error}");
    is_as_before(&store).await;
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_that_names_the_row_and_the_column() {
    let huge = i64::MAX.to_string();
    for (column, value, problem) in [
        ("type", "NULL", "row 7 of the table `evententry` of `"),
        ("type", "NULL", "its `type` is NULL"),
        ("content_type", "NULL", "its `content_type` is NULL"),
        ("payload", "NULL", "its `payload` is NULL"),
        ("timestamp", "NULL", "its `timestamp` is NULL"),
        ("type", "x'41'", "its `type` is BLOB, and not TEXT"),
        ("type", "CAST(x'FF' AS TEXT)", "its `type` cannot be read: invalid utf-8"),
        ("timestamp", "0.5", "its `timestamp` is REAL, and not TEXT"),
        ("timestamp", "'yesterday'", "its `timestamp` is `yesterday`; it must be YYYY-MM-DD"),
        ("timestamp", "'0000-00-00 00:00:00'", "whole milliseconds since 1970, both in UTC"),
        ("timestamp", &huge, "its `timestamp` is `9223372036854775807`; it must be"),
    ] {
        let scratch = Scratch::new();
        let statements = format!("{}; {}", rows(3), row(column, value));
        let store = shop(&scratch, &statements).await;
        let error = store.import().from_same_file().await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Store, false));
        assert!(error.to_string().contains(problem), "{error}");
        is_as_before(&store).await;
    }
}

#[tokio::test]
async fn a_row_whose_id_is_no_number_is_not_passed_over() {
    for (value, problem) in
        [("NULL", "import a row of"), ("NULL", "its `id` is NULL"), ("'x'", "its `id` is TEXT")]
    {
        let scratch = Scratch::new();
        let statements = format!("{}; {}", rows(3), row("id", value));
        let store = shop_with(&scratch, &loose_table(), &statements).await;
        let error = store.import().from_same_file().await.unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
        is_as_before(&store).await;
    }
}

#[tokio::test]
async fn a_text_is_the_time_that_sqlite_takes_it_for_and_a_number_milliseconds() {
    const COUNT: u32 = 5_000;
    let scratch = Scratch::new();
    // From the year 0 to the year 9999, in steps of some hundred days and some hours.
    let texts = format!(
        "WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < {COUNT}),
             time (n, ms) AS (SELECT n, -62167219200000 + n * 63113851937 FROM number)
         INSERT INTO evententry
         SELECT n, 'e', 'c', CAST(ms AS TEXT),
                CASE n % 3 WHEN 0 THEN ms
                    ELSE datetime(ms / 1000 - (ms % 1000 < 0), 'unixepoch')
                         || CASE n % 3 WHEN 1 THEN '' ELSE printf('.%03d', (ms % 1000 + 1000) % 1000) END
                END
         FROM time"
    );
    let store = shop(&scratch, &texts).await;
    store.import().from_same_file().await.unwrap();
    let mut after = Position::START;
    let mut seen = 0;
    while let page = store.entries(Page::new(after, 1_000)).await.unwrap()
        && !page.is_empty()
    {
        for Entry { envelope, position, .. } in page {
            let millis: i64 = String::from_utf8(envelope.payload).unwrap().parse().unwrap();
            let expected = if seen % 3 == 1 { millis.div_euclid(1_000) * 1_000 } else { millis };
            assert_eq!(envelope.occurred_at.as_micros(), expected * 1_000, "{millis}");
            (after, seen) = (position, seen + 1);
        }
    }
    assert_eq!(seen, COUNT + 1);
}

#[tokio::test]
async fn a_key_is_what_the_users_function_finds_in_the_row() {
    let scratch = Scratch::new();
    let store = scratch.store().await;
    let prefix = "order ".to_owned();
    let key = |entry: &EventEntry| (entry.id != 2).then(|| format!("{prefix}{}", entry.id));
    let imported = store.import().key(key).from_entries(stream::iter(entries(1..=3))).await;
    assert_eq!(imported.unwrap(), 3);
    let keys: Vec<_> = log(&store).await.into_iter().map(|entry| entry.envelope.key).collect();
    assert_eq!(keys, [Some("order 1".to_owned()), None, Some("order 3".to_owned())]);
}

#[tokio::test]
async fn a_key_function_that_panics_leaves_nothing_behind() {
    let scratch = Scratch::new();
    let store = scratch.store().await;
    let importing = store.clone();
    let panicked = tokio::spawn(async move {
        let key = |_: &EventEntry| panic!("on purpose");
        importing.import().key(key).from_entries(stream::iter(entries(1..=3))).await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    is_as_before(&store).await;
}

#[tokio::test]
async fn entries_out_of_order_or_given_twice_are_refused() {
    for (ids, problem) in
        [([1, 3, 2], "row 2 after row 3; read them ORDER BY id"), ([1, 2, 2], "row 2 after row 2")]
    {
        let scratch = Scratch::new();
        let store = scratch.store().await;
        let error = store.import().from_entries(stream::iter(entries(ids))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(problem), "{error}");
        is_as_before(&store).await;
    }
}

#[tokio::test]
async fn an_error_of_the_entries_takes_everything_back_and_is_told() {
    for (error, retryable) in [
        (BoxError::from("the line is cut"), false),
        (BoxError::from(sqlx::Error::PoolTimedOut), true),
    ] {
        let scratch = Scratch::new();
        let store = scratch.store().await;
        let words = error.to_string();
        let mut given = entries(1..=2_000);
        given.push(Err(error));
        let error = store.import().from_entries(stream::iter(given)).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Store, retryable));
        assert!(error.to_string().contains(&words), "{error}");
        is_as_before(&store).await;
    }
}

#[tokio::test]
async fn a_log_that_is_not_empty_is_refused_with_the_way_out() {
    let scratch = Scratch::new();
    let store = shop(&scratch, &rows(3)).await;
    let events = Events::builder(store.clone()).build().await.unwrap();
    place(&events, "A").await;
    let error = store.import().from_same_file().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("goes to position 1 already"), "{error}");
    assert!(error.to_string().contains("open a new file and import into that"), "{error}");
    assert_eq!(store.head().await.unwrap(), Position::new(1));
}

#[tokio::test]
async fn a_log_whose_events_have_been_pruned_is_not_empty() {
    let scratch = Scratch::new();
    let store = shop(&scratch, &rows(3)).await;
    place(&Events::builder(store.clone()).build().await.unwrap(), "A").await;
    let mut transaction = store.begin().await.unwrap();
    execute(&mut transaction, "DELETE FROM ensue_log").await;
    store.commit(transaction).await.unwrap();
    let error = store.import().from_same_file().await.unwrap_err();
    assert!(error.to_string().contains("goes to position 1 already"), "{error}");
}

#[tokio::test]
async fn a_second_import_is_refused_and_changes_nothing() {
    let scratch = Scratch::new();
    let store = shop(&scratch, &rows(3)).await;
    store.import().from_same_file().await.unwrap();
    let imported = log(&store).await;
    let error = store.import().from_same_file().await.unwrap_err();
    assert!(error.to_string().contains("if these are they, nothing is left to do"), "{error}");
    assert_eq!(log(&store).await, imported);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_imports_at_once_one_succeeds() {
    let scratch = Scratch::new();
    drop(shop(&scratch, &rows(500)).await);
    let mut imports = tokio::task::JoinSet::new();
    for _ in 0..4 {
        // Each on connections of its own, as another process has them.
        let store = scratch.store().await;
        imports.spawn(async move { store.import().from_same_file().await });
    }
    let outcomes = imports.join_all().await;
    let succeeded: Vec<_> = outcomes.iter().flatten().collect();
    assert_eq!(succeeded, [&500]);
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    }
    assert_eq!(scratch.store().await.head().await.unwrap(), Position::new(500));
}

#[tokio::test]
async fn who_writes_during_an_import_comes_after_it() {
    for same_process in [true, false] {
        let scratch = Scratch::new();
        let store = scratch.store().await;
        let writer = if same_process { store.clone() } else { scratch.store().await };
        let events = Events::builder(writer).build().await.unwrap();
        let (asked, gate) = (Notify::new(), Notify::new());
        let mut import = pin!(store.import().from_entries(held(&asked, &gate)));
        first(&mut import, asked.notified()).await;
        let mut placing = pin!(place(&events, "A"));
        assert!(tokio::time::timeout(SOON, &mut placing).await.is_err());
        assert_eq!(store.head().await.unwrap(), Position::START);
        gate.notify_one();
        let (imported, ()) = tokio::join!(import, placing);

        assert_eq!(imported.unwrap(), 2);
        let types: Vec<_> =
            log(&store).await.into_iter().map(|entry| entry.envelope.event_type).collect();
        assert_eq!(types, [CANCELED, CANCELED, "order.placed"]);
    }
}

/// Two entries. Says when it is asked for them, and holds them until it may give them.
fn held(asked: &Notify, gate: &Notify) -> impl Stream<Item = Result<EventEntry, BoxError>> + Send {
    stream::once(async {
        asked.notify_one();
        gate.notified().await;
        stream::iter(entries(1..=2))
    })
    .flatten()
}

/// Lets both run until the signal comes, which must be before the end of the work.
async fn first<W: Future>(work: &mut Pin<&mut W>, signal: impl Future) {
    tokio::select! {
        _ = work => panic!("it did not wait"),
        _ = signal => {}
    }
}

#[tokio::test]
async fn an_import_that_waited_for_a_writer_sees_what_that_stored() {
    let scratch = Scratch::new();
    let store = shop(&scratch, &rows(3)).await;
    let events = Events::builder(scratch.store().await).build().await.unwrap();
    let (writes, gate) = (Notify::new(), Notify::new());
    let mut writing = pin!(events.run(async |_tx| {
        raise(OrderPlaced::of("A", 1));
        writes.notify_one();
        gate.notified().await;
        Ok::<_, Error>(())
    }));
    first(&mut writing, writes.notified()).await;
    let mut import = pin!(store.import().from_same_file());
    assert!(tokio::time::timeout(SOON, &mut import).await.is_err());
    gate.notify_one();
    let (written, imported) = tokio::join!(writing, import);
    written.unwrap();
    assert_eq!(imported.unwrap_err().kind(), ErrorKind::Configuration);
    assert_eq!(store.head().await.unwrap(), Position::new(1));
}

#[tokio::test]
async fn dropped_at_any_poll_everything_is_imported_or_nothing() {
    let mut finished = false;
    let mut polls = 0;
    while !finished {
        polls += 1;
        let scratch = Scratch::new();
        let store = shop(&scratch, &rows(20)).await;
        {
            let mut import = pin!(store.import().from_same_file());
            for _ in 0..polls {
                finished = import.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
                if finished {
                    break;
                }
                // Lets the database's thread answer, so that each poll gets one step further.
                tokio::time::sleep(Duration::from_micros(500)).await;
            }
        }
        // Whoever comes next waits until it is over.
        drop(store.begin().await.unwrap());
        let imported = store.head().await.unwrap().get();
        assert_eq!(log(&store).await.len() as u64, imported);
        assert!(imported == 20 || imported == 0 && !finished, "poll {polls}: {imported}");
    }
    assert!(polls >= 5, "the import took {polls} polls only");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_can_be_spawned() {
    let scratch = Scratch::new();
    let store = shop(&scratch, &rows(3)).await;
    let imported = tokio::spawn(async move { store.import().from_same_file().await });
    assert_eq!(imported.await.unwrap().unwrap(), 3);
}

#[tokio::test]
async fn a_hundred_thousand_rows_are_imported_in_one_transaction() {
    let scratch = Scratch::new();
    let store = shop(&scratch, &rows(100_000)).await;
    assert_eq!(store.import().from_same_file().await.unwrap(), 100_000);
    assert_eq!(store.head().await.unwrap(), Position::new(100_000));
    let differing: i64 = sqlx::query_scalar(
        "WITH old AS (SELECT row_number() OVER (ORDER BY id) AS position, * FROM evententry)
         SELECT count(*) FROM old LEFT JOIN ensue_log AS new USING (position)
         WHERE new.payload IS NOT old.payload",
    )
    .fetch_one(store.reader())
    .await
    .unwrap();
    assert_eq!(differing, 0);
}

/// What the class that the rows are named after has become.
#[derive(Debug, Event, Serialize, Deserialize)]
#[event(type = "order.cancelled", key = number)]
#[event(alias = "com.myshop.order.command.domain.OrderCanceledEvent")]
struct OrderCancelled {
    #[serde(alias = "orderNumber")]
    number: String,
}

async fn refund(event: &OrderCancelled, meta: Meta, tx: &mut Tx) -> Result<(), BoxError> {
    let position = meta.position.map_or(0, Position::get);
    Ok(add_effect(tx, &format!("{position}: {} refunded", event.number)).await?)
}

#[tokio::test]
async fn durable_handlers_handle_imported_events_by_their_alias() {
    let scratch = Scratch::new();
    let store = scratch.builder().await.build().await.unwrap().store().clone();
    store.import().from_entries(stream::iter(entries([1, 5]))).await.unwrap();
    let from_the_beginning = Events::builder(store)
        .subscription("refunds", |refunds| refunds.on(refund).from(Start::Beginning));
    let events = from_the_beginning.build().await.unwrap();
    raise_cancelled(&events, "A-9").await;
    let forwarder = events.forward();
    handled_all(&events, "refunds").await;
    shut_down(forwarder).await;
    let expected = ["1: A-1 refunded", "2: A-5 refunded", "3: A-9 refunded"];
    assert_eq!(effects(events.store()).await, expected);
}

#[tokio::test]
async fn a_subscription_built_after_the_import_begins_behind_it() {
    let scratch = Scratch::new();
    let store = scratch.builder().await.build().await.unwrap().store().clone();
    store.import().from_entries(stream::iter(entries([1, 5]))).await.unwrap();
    let events = Events::builder(store).subscribe("refunds", refund).build().await.unwrap();
    raise_cancelled(&events, "A-9").await;
    let forwarder = events.forward();
    handled_all(&events, "refunds").await;
    shut_down(forwarder).await;
    assert_eq!(effects(events.store()).await, ["3: A-9 refunded"]);
}

async fn raise_cancelled(events: &Events, number: &str) {
    let run = events.run(async |_tx| {
        raise(OrderCancelled { number: number.to_owned() });
        Ok::<_, Error>(())
    });
    run.await.unwrap();
}

#[tokio::test]
async fn a_subscription_that_would_take_imported_events_for_new_ones_is_in_the_way() {
    let scratch = Scratch::new();
    let store = shop(&scratch, &rows(3)).await;
    let built = Events::builder(store.clone()).subscribe("notes", note).build().await.unwrap();
    drop(built);
    let error = store.import().from_same_file().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("subscription `notes` exists already"), "{error}");
    assert!(error.to_string().contains("before the application is built"), "{error}");
    assert_eq!(store.head().await.unwrap(), Position::START);
}
