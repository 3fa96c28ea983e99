//! Tables that are made while others make them, or were made by others.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ensue::store::Page;
use ensue::subscription::TakeOver;
use ensue::{ErrorKind, Inbox, Log, Position, Start, Subscriptions};
use ensue_postgres::{Events, PostgresOptions};
use sqlx::AssertSqlSafe;
use tokio::task::JoinSet;

use crate::server::{Database, append, envelopes};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_start_at_once_make_the_tables_once() {
    for many in [2, 8, 32] {
        let database = Database::new().await;
        let mut starting = JoinSet::new();
        for number in 0..many {
            // Each store has few connections, since the server has a limited number.
            let options = database.store_options().without_listening();
            starting.spawn(async move {
                let store = options.connect().await.unwrap();
                append(&store, &envelopes([number])).await;
                store.close().await;
            });
        }
        starting.join_all().await;
        let stands = database.store().await.barrier().await.unwrap();
        assert_eq!(stands.get(), many as u64);
        assert_migrated(&database).await;
    }
}

/// The server sends such a notice for each schema and table.
#[tokio::test]
async fn tables_that_are_there_already_are_no_news() {
    let database = Database::new().await;
    database.execute("CREATE SCHEMA ensue").await;
    let written = Written::default();
    let writer = written.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    database.execute("CREATE SCHEMA IF NOT EXISTS ensue").await;
    assert!(written.text().contains("skipping"), "{}", written.text());
    written.0.lock().unwrap().clear();
    database.store().await.close().await;
    assert!(!written.text().contains("skipping"), "{}", written.text());
}

/// The logged lines.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn assert_migrated(database: &Database) {
    let names = "SELECT array_agg(name ORDER BY number) FROM ensue.migration";
    let names: Vec<String> = database.ask(names).await;
    let known = [
        "log",
        "sequencer",
        "subscriptions",
        "inbox",
        "horizon",
        "letter_hold",
        "names",
        "outbox_guard",
        "surroundings",
        "retired",
    ];
    assert_eq!(names, known);
}

/// An INSERT as another program may write it.
fn row(version: &str, hops: &str, headers: &str) -> String {
    format!(
        "INSERT INTO ensue.outbox
            (occurred_at_us, event_id, type, payload, correlation_id, version, hops, headers)
        VALUES (1, gen_random_uuid(), 'ninth', '{{}}', 'story', {version}, {hops}, {headers})"
    )
}

/// A row that waited before the migration is moved unchanged.
#[tokio::test]
async fn a_row_that_nobody_could_read_is_refused_where_it_is_appended() {
    let database = Database::new().await;
    database.store().await;
    let unguard = "ALTER TABLE ensue.outbox DROP CONSTRAINT outbox_version,
        DROP CONSTRAINT outbox_hops, DROP CONSTRAINT outbox_headers_are_an_object_of_strings";
    database.execute(unguard).await;
    let guard = include_str!("../../src/migrations/0008_outbox_guard.sql");
    let waiting = row("1", "0", "'{\"actor\":3}'");
    database.execute(format!("BEGIN; {waiting}; {guard}; COMMIT")).await;
    let mut connection = database.connect().await;
    for (version, hops, headers) in [
        ("-1", "0", "NULL"),
        ("4294967296", "0", "NULL"),
        ("1", "-1", "NULL"),
        ("1", "0", "''"),
        ("1", "0", "'[]'"),
        ("1", "0", "'{\"actor\":3}'"),
        ("1", "0", "'{\"actor\":\"anna\",\"roles\":[\"admin\"]}'"),
        ("1", "0", "'{\"actor\":\"anna\",}'"),
    ] {
        let insert = sqlx::raw_sql(AssertSqlSafe(row(version, hops, headers)));
        let refused = insert.execute(&mut connection).await.unwrap_err();
        assert!(refused.to_string().contains("violates check constraint"), "{refused}");
    }
    for headers in [r#"'{"a":": x","\u0000":""}'"#, "' { } '", r#"' { "a" : "\"" , "b\\": "" } '"#]
    {
        database.execute(row("4294967295", "0", headers)).await;
    }
    let store = database.store().await;
    assert_eq!(store.barrier().await.unwrap().get(), 4);
    let read = store.read(Page::new(Position::START, 100)).await.unwrap();
    assert!(read[0].is_err() && read[1..].iter().all(Result::is_ok), "{read:?}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let database = Database::new().await;
    database.store().await;
    database.execute("INSERT INTO ensue.migration VALUES (1000, 'of tomorrow', 1)").await;
    let refused = database.store_options().connect().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Configuration);
    assert!(refused.to_string().contains("use the version that migrated it"), "{refused}");
}

#[tokio::test]
async fn who_may_only_use_the_tables_can_use_them() {
    let database = Database::new().await;
    database.store().await;
    let user = format!("user_{}", database.name());
    let grants = "CREATE ROLE USER LOGIN; GRANT USAGE ON SCHEMA ensue TO USER;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ensue TO USER";
    database.execute(grants.replace("USER", &user)).await;
    let options = PostgresOptions::new(database.options().username(&user));
    let store = options.connect().await.unwrap();
    append(&store, &envelopes([0])).await;
    let stands = tokio::time::timeout(Duration::from_secs(20), store.barrier()).await;
    assert_eq!(stands.unwrap().unwrap().get(), 1);
    drop(store);
    database.execute(format!("DROP OWNED BY {user} CASCADE; DROP ROLE {user}")).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_that_may_be_tried_again() {
    let nowhere = PostgresOptions::new("postgres://nobody@127.0.0.1:1/nothing".parse().unwrap());
    let error = nowhere.connect().await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("127.0.0.1"), "{error}");
}

/// The rows of a version that compared names by the database's collation.
const OF_OLD: [&str; 6] = [
    "CREATE SCHEMA ensue",
    include_str!("../../src/sql/create_migration_table.sql"),
    include_str!("../../src/migrations/0001_log.sql"),
    include_str!("../../src/migrations/0002_sequencer.sql"),
    include_str!("../../src/migrations/0003_subscriptions.sql"),
    include_str!("../../src/migrations/0004_inbox.sql"),
];

const ROWS_OF_OLD: &str = "
    INSERT INTO ensue.migration
    VALUES (1, 'log', 1), (2, 'sequencer', 1), (3, 'subscriptions', 1), (4, 'inbox', 1);
    INSERT INTO ensue.owner VALUES ('refunds', 4, 'gone', 1), ('refunds ', 2, 'gone', 1);
    INSERT INTO ensue.lease VALUES ('refunds', 4, 1, 0), ('refunds ', 2, 1, 0);
    INSERT INTO ensue.cursor VALUES ('refunds', 2, 1), ('refunds ', 1, 1);
    INSERT INTO ensue.event_type VALUES ('refunds', 'order.placed', 1);
    INSERT INTO ensue.inbox_receipt VALUES ('bills', '018bcfe5-687b-7000-8000-0000000000ff', 1)";

/// They were two subscriptions and stay so; the one that is no longer allowed can still be inspected.
#[tokio::test]
async fn what_an_older_version_has_named_is_found_by_the_same_names() {
    let database = Database::new().await;
    for statements in OF_OLD {
        database.execute(statements).await;
    }
    database.execute(ROWS_OF_OLD).await;
    let store = database.store().await;
    assert_eq!(store.subscriptions().await.unwrap(), ["refunds", "refunds "]);
    store.register("refunds", Start::Head, &["order.placed"]).await.unwrap();
    let taken = store.take_over("refunds", "new", Duration::from_secs(60)).await.unwrap();
    let TakeOver::Granted(term) = taken else { panic!("it was handed over") };
    assert_eq!((term.epoch.get(), term.cursor.get()), (5, 2));
    assert_eq!(term.event_types, ["order.placed"]);
    let id = "018bcfe5-687b-7000-8000-0000000000ff".parse().unwrap();
    assert!(store.has_noted("bills", id).await.unwrap());
    let events = Events::builder(store).build().await.unwrap();
    assert_eq!(events.operate("refunds ").status().await.unwrap().cursor.get(), 1);
    let compared = "SELECT count(*) FROM information_schema.columns
        WHERE table_schema = 'ensue' AND column_name IN ('subscription', 'consumer', 'event_type')
          AND collation_name IS DISTINCT FROM 'C'";
    assert_eq!(database.ask::<i64>(compared).await, 0);
}
