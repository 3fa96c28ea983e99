//! Tables that are made while others make them, or were made by others.

use std::time::Duration;

use ensue::store::{Page, position_of};
use ensue::subscription::TakeOver;
use ensue::{ErrorKind, Inbox, Log, Position, Start, Subscriptions};
use ensue_mysql::MysqlOptions;
use sqlx::AssertSqlSafe;
use tokio::task::JoinSet;

use crate::server::{Database, append, envelopes, whole_log};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_start_at_once_make_the_tables_once() {
    for many in [2, 8, 32] {
        let database = Database::new().await;
        let mut starting = JoinSet::new();
        for number in 0..many {
            let options = database.store_options();
            starting.spawn(async move {
                let store = options.connect().await.unwrap();
                append(&store, &envelopes([number])).await;
            });
        }
        starting.join_all().await;
        let stands = database.store().await.barrier().await.unwrap();
        assert_eq!(stands.get(), many as u64);
        let names = "SELECT group_concat(name ORDER BY number) FROM ensue_migration";
        let names: String = database.ask(names).await;
        assert_eq!(
            names,
            "log,subscriptions,inbox,letter_hold,names,outbox_bytes,outbox_guard,retired"
        );
    }
}

/// An INSERT as another program may write it, with `value` in `column`.
fn row(column: &str, value: &str) -> String {
    let columns = [
        ("occurred_at_us", "1"),
        ("recorded_at_us", "1"),
        ("version", "1"),
        ("hops", "0"),
        ("event_id", "UUID()"),
        ("causation_id", "NULL"),
        ("type", "'ninth'"),
        ("content_type", "'application/json'"),
        ("payload", "'{}'"),
        ("correlation_id", "'story'"),
        ("headers", "NULL"),
    ];
    let names = columns.map(|(name, _)| name).join(", ");
    let values = columns.map(|(name, good)| if name == column { value } else { good }).join(", ");
    format!("INSERT INTO ensue_outbox ({names}) VALUES ({values})")
}

/// A row that waited before the migration is moved unchanged.
#[tokio::test]
async fn a_row_that_nobody_could_read_is_refused_where_it_is_appended() {
    let database = Database::new().await;
    database.store().await;
    database.execute("ALTER TABLE ensue_outbox DROP CONSTRAINT ensue_outbox_guard").await;
    let guard = include_str!("../../src/migrations/0007_outbox_guard.sql");
    let waiting = row("headers", "'[]'");
    database.execute(waiting).await;
    for _ in 0..2 {
        database.execute(guard).await;
    }
    let mut connection = database.connect().await;
    for (column, value) in [
        ("event_id", "'nine'"),
        ("causation_id", "'nine'"),
        ("version", "-1"),
        ("version", "4294967296"),
        ("hops", "-1"),
        ("payload", "NULL"),
        ("headers", "''"),
        ("headers", "'[]'"),
        ("headers", "'{\"actor\":'"),
    ] {
        let insert = sqlx::raw_sql(AssertSqlSafe(row(column, value)));
        let refused = insert.execute(&mut connection).await.unwrap_err();
        assert!(refused.to_string().contains("ensue_outbox_guard"), "{refused}");
    }
    for headers in [r#"'{"a":": x","\\u0000":""}'"#, "' { } '"] {
        database.execute(row("headers", headers)).await;
    }
    let store = database.store().await;
    assert_eq!(store.barrier().await.unwrap().get(), 3);
    let read = store.read(Page::new(Position::START, 100)).await.unwrap();
    let first = position_of(&read[0]);
    assert!(first.get() == 1 && read[0].is_err() && read[1].is_ok() && read[2].is_ok(), "{read:?}");
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let database = Database::new().await;
    database.store().await;
    database.execute("INSERT INTO ensue_migration VALUES (1000, 'of tomorrow', 1)").await;
    let refused = database.store_options().connect().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Configuration);
    assert!(refused.to_string().contains("use the version that migrated it"), "{refused}");
}

/// Statements that make tables are committed one by one.
#[tokio::test]
async fn what_a_process_has_left_half_made_is_made_by_the_next_one() {
    let database = Database::new().await;
    database.store().await;
    database.execute("DELETE FROM ensue_migration; DROP TABLE ensue_request, ensue_pause").await;
    let store = database.store().await;
    append(&store, &envelopes([0])).await;
    assert_eq!(store.barrier().await.unwrap().get(), 1);
    assert_eq!(store.pending_requests().await.unwrap(), []);
}

/// The columns of an event in the outbox of the first version.
const EVENT: &str = "INSERT INTO ensue_outbox (
        occurred_at_us, recorded_at_us, version, hops, event_id, type, content_type, payload,
        correlation_id
    ) VALUES (1, 1, 1, 0, UUID(), 'order.placed', 'application/json', 'an old one', 'a story')";

/// This holds even while a process of that version continues to write.
#[tokio::test]
async fn what_waits_in_a_database_of_an_older_version_gets_its_position() {
    let database = Database::new().await;
    database.store().await.close().await;
    let older = "ALTER TABLE ensue_outbox DROP COLUMN bytes;
        DELETE FROM ensue_migration WHERE number >= 4";
    database.execute(format!("{older}; {EVENT}; {EVENT}")).await;
    let store = database.store_options().sequence_on_demand().connect().await.unwrap();
    database.execute(EVENT).await;
    let sized = "SELECT CAST(sum(bytes BETWEEN 200 AND 300) AS SIGNED) FROM ensue_outbox";
    assert_eq!(database.ask::<i64>(sized).await, 3);
    assert_eq!(whole_log(&store).await, ["an old one"; 3]);
}

#[tokio::test]
async fn who_may_only_use_the_tables_can_use_them() {
    let database = Database::new().await;
    database.store().await;
    let user = &database.name()[..30];
    let grants = "CREATE USER 'USER'@'%';
        GRANT SELECT, INSERT, UPDATE, DELETE ON DATABASE.* TO 'USER'@'%'";
    database
        .execute(grants.replace("USER'", &format!("{user}'")).replace("DATABASE", database.name()))
        .await;
    let options = MysqlOptions::new(database.options().username(user));
    let store = options.connect().await.unwrap();
    append(&store, &envelopes([0])).await;
    let stands = tokio::time::timeout(Duration::from_secs(20), store.barrier()).await;
    assert_eq!(stands.unwrap().unwrap().get(), 1);
    drop(store);
    database.execute(format!("DROP USER '{user}'@'%'")).await;
}

#[tokio::test]
async fn a_url_without_a_database_is_refused() {
    let nowhere = MysqlOptions::new(servers::mysql_url().parse().unwrap());
    let refused = nowhere.connect().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_that_may_be_tried_again() {
    let nowhere = MysqlOptions::new("mysql://nobody@127.0.0.1:1/nothing".parse().unwrap());
    let error = nowhere.connect().await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("127.0.0.1"), "{error}");
}

/// The rows of a version that ignored trailing spaces when it compared names.
const OF_OLD: [&str; 5] = [
    include_str!("../../src/sql/create_migration_table.sql"),
    include_str!("../../src/migrations/0001_log.sql"),
    include_str!("../../src/migrations/0002_subscriptions.sql"),
    include_str!("../../src/migrations/0003_inbox.sql"),
    "INSERT INTO ensue_migration VALUES (1, 'log', 1), (2, 'subscriptions', 1), (3, 'inbox', 1);
    INSERT INTO ensue_owner VALUES ('refunds ', 4, 'gone', 1), ('mails', 2, 'gone', 1);
    INSERT INTO ensue_lease VALUES ('refunds ', 4, 1, 0), ('mails', 2, 1, 0);
    INSERT INTO ensue_cursor VALUES ('refunds ', 2, 1), ('mails', 1, 1);
    INSERT INTO ensue_receipt VALUES ('refunds ', 3), ('refunds', 4);
    INSERT INTO ensue_set_aside VALUES
        ('refunds ', 1, 'A ', 'queued', 0, NULL, NULL, NULL, false, 1, 1);
    INSERT INTO ensue_event_type VALUES ('refunds', 'order.placed ', 1);
    INSERT INTO ensue_inbox_receipt VALUES ('bills ', '018bcfe5-687b-7000-8000-0000000000ff', 1)",
];

/// Two spellings were one subscription; the one that is still allowed keeps the state of both.
#[tokio::test]
async fn names_that_were_one_with_and_without_a_space_are_one_under_the_spelling_that_is_left() {
    let database = Database::new().await;
    for statements in OF_OLD {
        database.execute(statements.replace("ensue_now_us()", "1")).await;
    }
    let clashing = "INSERT INTO ensue_cursor VALUES ('refunds', 9, 1)";
    let mut connection = database.connect().await;
    sqlx::raw_sql(clashing).execute(&mut connection).await.expect_err("they were two");
    let store = database.store().await;
    assert_eq!(store.subscriptions().await.unwrap(), ["mails", "refunds"]);
    store.register("refunds", Start::Head, &["order.placed"]).await.unwrap();
    let taken = store.take_over("refunds", "new", Duration::from_secs(60)).await.unwrap();
    let TakeOver::Granted(term) = taken else { panic!("it was handed over") };
    assert_eq!((term.epoch.get(), term.cursor.get()), (5, 2));
    assert_eq!(term.receipts, [Position::new(3), Position::new(4)]);
    assert_eq!(term.set_aside[0].key.as_deref(), Some("A "));
    assert_eq!(term.event_types, ["order.placed"]);
    let id = "018bcfe5-687b-7000-8000-0000000000ff".parse().unwrap();
    assert!(store.has_noted("bills", id).await.unwrap());
    assert!(!store.has_noted("bills ", id).await.unwrap());
    database.execute("INSERT INTO ensue_cursor VALUES ('refunds ', 9, 1)").await;
}
