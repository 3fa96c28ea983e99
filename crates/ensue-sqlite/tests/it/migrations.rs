//! A file that an older version has made.

use std::time::Duration;

use ensue::store::Page;
use ensue::subscription::{
    Change, Epoch, Failure, FailureClass, SetAside, SetAsideState, TakeOver,
};
use ensue::{Log, Position, Start, Subscriptions, Timestamp, Transactions, raise};
use ensue_sqlite::{Events, SqliteStore};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};

use crate::scratch::{OrderPlaced, Scratch, types};

/// Three events, and a subscription that has handled two of them, with one set aside; its owner
/// has handed over.
const ROWS: &str = "
INSERT INTO ensue_log VALUES
    (1, '01900000-0000-7000-8000-000000000001', 'first', 1, 'A', 'application/json', '{}', 1, 1,
     '01900000-0000-7000-8000-000000000001', NULL, 0, NULL, NULL),
    (2, '01900000-0000-7000-8000-000000000002', 'second', 1, 'A', 'application/json', '{}', 2, 2,
     '01900000-0000-7000-8000-000000000002', NULL, 0, NULL, NULL),
    (3, '01900000-0000-7000-8000-000000000003', 'third', 1, 'B', 'application/json', '{}', 3, 3,
     '01900000-0000-7000-8000-000000000003', NULL, 0, NULL, NULL);
INSERT INTO ensue_owner VALUES ('refunds', 4, 'an older one', 1);
INSERT INTO ensue_lease VALUES ('refunds', 1, 0);
INSERT INTO ensue_cursor VALUES ('refunds', 2, 1);
INSERT INTO ensue_set_aside VALUES
    ('refunds', 1, 'A', 'retrying', 3, 1700000000000000, 'handler', 'out of money', 1, 1);
";

/// As the version left it that knew the first migration alone.
async fn make(scratch: &Scratch) {
    let options = SqliteConnectOptions::new().filename(scratch.path()).create_if_missing(true);
    let statements = [
        include_str!("../../src/sql/create_migration_table.sql"),
        ";",
        include_str!("../../src/migrations/0001_log_and_subscriptions.sql"),
        "INSERT INTO ensue_migration VALUES (1, 'log_and_subscriptions', 1);",
        ROWS,
    ];
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statements.concat())).execute(&mut connection).await.unwrap();
}

fn set_aside() -> SetAside {
    SetAside {
        position: Position::new(1),
        key: Some("A".to_owned()),
        state: SetAsideState::Retrying {
            next_attempt_at: Timestamp::from_micros(1_700_000_000_000_000),
        },
        attempts: 3,
        failure: Some(Failure::new(FailureClass::Handler, "out of money")),
        is_replay: false,
    }
}

async fn record(store: &SqliteStore, epoch: Epoch, changes: &[Change]) {
    let mut transaction = store.begin().await.unwrap();
    store.record(&mut transaction, "refunds", epoch, changes).await.unwrap();
    store.commit(transaction).await.unwrap();
}

#[tokio::test]
async fn a_file_of_the_first_version_keeps_what_it_has_and_goes_on() {
    let scratch = Scratch::new();
    make(&scratch).await;
    let store = scratch.store().await;
    store.register("refunds", Start::Head, &[]).await.unwrap();
    let answer = store.take_over("refunds", "a newer one", Duration::from_secs(60)).await.unwrap();
    let TakeOver::Granted(term) = answer else { panic!("it was handed over") };
    assert_eq!((term.epoch, term.cursor), (Epoch::new(5), Position::new(2)));
    assert_eq!((term.receipts, term.set_aside), (vec![], vec![set_aside()]));
    assert!(term.is_handed_over && !term.paused);

    let events = Events::builder(store.clone()).build().await.unwrap();
    let run = events.run(async |_tx| {
        raise(OrderPlaced::of("A", 4));
        Ok::<_, ensue::Error>(())
    });
    run.await.unwrap();
    assert_eq!(types(&store).await, ["first", "second", "third", "order.placed"]);
    record(&store, term.epoch, &[Change::Receipt { position: Position::new(4) }]).await;
    let settle = Change::Settle { position: Position::new(1) };
    record(&store, term.epoch, &[settle, Change::Advance { to: Position::new(4) }]).await;
    let status = store.status("refunds").await.unwrap().unwrap();
    assert!(status.has_handled(store.head().await.unwrap()));
    let identity = scratch.store().await.identity().await.unwrap();
    assert_eq!(store.identity().await.unwrap(), identity);
}

/// An INSERT as another program may write it, with `value` in `column`.
fn row(column: &str, value: &str) -> String {
    let columns = [
        ("event_id", "'01900000-0000-7000-8000-000000000009'"),
        ("type", "'ninth'"),
        ("version", "1"),
        ("content_type", "'application/json'"),
        ("payload", "'{}'"),
        ("occurred_at_us", "1"),
        ("recorded_at_us", "1"),
        ("correlation_id", "'story'"),
        ("causation_id", "NULL"),
        ("hops", "0"),
        ("headers", "NULL"),
    ];
    let names = columns.map(|(name, _)| name).join(", ");
    let values = columns.map(|(name, good)| if name == column { value } else { good }).join(", ");
    format!("INSERT INTO ensue_log ({names}) VALUES ({values})")
}

/// A row that was there before the migration stays unchanged.
#[tokio::test]
async fn a_row_that_nobody_could_read_is_refused_where_it_is_written() {
    let scratch = Scratch::new();
    make(&scratch).await;
    let options = SqliteConnectOptions::new().filename(scratch.path());
    let mut connection = options.connect().await.unwrap();
    let insert = AssertSqlSafe(row("headers", "'{\"actor\":3}'"));
    sqlx::raw_sql(insert).execute(&mut connection).await.unwrap();
    let store = scratch.store().await;
    for (column, value) in [
        ("event_id", "'nine'"),
        ("event_id", "'01900000-0000-7000-8000-0000000000009'"),
        ("causation_id", "'nine'"),
        ("version", "-1"),
        ("version", "4294967296"),
        ("hops", "-1"),
        ("payload", "3"),
        ("headers", "''"),
        ("headers", "'[]'"),
        ("headers", "'{\"actor\":3}'"),
        ("headers", "'{\"actor\":\"anna\",\"roles\":[\"admin\"]}'"),
    ] {
        let insert = AssertSqlSafe(row(column, value));
        let refused = sqlx::raw_sql(insert).execute(&mut connection).await.unwrap_err();
        assert!(refused.to_string().contains("ensue_log: ids are UUIDs"), "{refused}");
    }
    for (column, value) in [
        ("headers", "'{\"a\":\": x\",\"\\u0000\":\"\"}'"),
        ("headers", "' { } '"),
        ("version", "4294967295"),
        ("causation_id", "'01900000-0000-7000-8000-000000000001'"),
        ("payload", "x'ff'"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(row(column, value))).execute(&mut connection).await.unwrap();
    }
    let read = store.read(Page::new(Position::START, 100)).await.unwrap();
    let unreadable: Vec<_> = read.iter().filter_map(|read| read.as_ref().err()).collect();
    let [unreadable] = unreadable[..] else { panic!("{unreadable:?}") };
    assert_eq!((unreadable.position, read.len()), (Position::new(4), 9));
}

#[tokio::test]
async fn a_file_is_brought_up_to_date_once() {
    let scratch = Scratch::new();
    make(&scratch).await;
    let store = scratch.store().await;
    scratch.store().await;
    let names = sqlx::query_scalar("SELECT name FROM ensue_migration ORDER BY number");
    let names: Vec<String> = names.fetch_all(store.reader()).await.unwrap();
    let known = [
        "log_and_subscriptions",
        "receipts_and_requests",
        "replays_and_claims",
        "inbox",
        "letter_hold",
        "log_identity",
        "log_guard",
        "retired",
    ];
    assert_eq!(names, known);
}
