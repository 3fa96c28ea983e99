//! Whatever the defaults of a server are.

use std::time::Duration;

use ensue::subscription::{Change, Epoch, TakeOver};
use ensue::{ErrorKind, Event, Log, Position, Start, Subscriptions, Transactions, raise};
use ensue_mysql::{Events, MysqlOptions, MysqlStore};
use serde::{Deserialize, Serialize};
use servers::MariaDb;
use tokio::task::JoinSet;

use crate::server::{Database, PATIENCE, append, envelope, envelopes, until_waiting, whole_log};

const LONG: Duration = Duration::from_secs(3_600);

/// Whatever an administrator may have set for all.
const DEFAULTS: [&str; 11] = [
    "TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "sql_mode = ''",
    "sql_mode = 'ANSI,ONLY_FULL_GROUP_BY,NO_BACKSLASH_ESCAPES'",
    "sql_mode = 'TRADITIONAL,PAD_CHAR_TO_FULL_LENGTH'",
    "autocommit = 0",
    "sql_safe_updates = 1",
    "time_zone = '+09:00'",
    "completion_type = 'CHAIN'",
    "completion_type = 'RELEASE'",
    "collation_connection = 'latin1_swedish_ci'",
];

/// A server of one's own, since these are for all who connect.
async fn server() -> MariaDb {
    tokio::task::spawn_blocking(|| MariaDb::start().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_defaults_are_events_are_stored_and_subscriptions_kept() {
    let server = server().await;
    for default in DEFAULTS {
        let database = Database::on(server.url().parse().unwrap()).await;
        database.execute(format!("SET GLOBAL {default}")).await;
        let store = database.store().await;
        let mut writers = JoinSet::new();
        for writer in 0..4 {
            let store = store.clone();
            writers.spawn(async move {
                for number in 0..5 {
                    append(&store, &envelopes([10 * writer + number])).await;
                }
            });
        }
        writers.join_all().await;
        assert_eq!(whole_log(&store).await.len(), 20, "{default}");
        store.register("refunds", Start::Head, &["order.placed"]).await.unwrap();
        let epoch = take_over(&store, "one").await;
        assert!(store.renew("refunds", epoch, LONG).await.unwrap(), "{default}");
        record(&store, epoch, 21).await;
        let status = store.status("refunds").await.unwrap().unwrap();
        assert_eq!(status.cursor, Position::new(21), "{default}");
        store.release("refunds", epoch).await.unwrap();
        assert!(take_over(&store, "two").await > epoch, "{default}");
    }
}

async fn take_over(store: &MysqlStore, owner: &str) -> Epoch {
    match store.take_over("refunds", owner, LONG).await.unwrap() {
        TakeOver::Granted(term) => term.epoch,
        TakeOver::Held { owner: other, .. } => panic!("{owner} was refused for {other}"),
    }
}

async fn record(store: &MysqlStore, epoch: Epoch, to: u64) {
    let mut transaction = store.begin().await.unwrap();
    let advance = Change::Advance { to: Position::new(to) };
    store.record(&mut transaction, "refunds", epoch, &[advance]).await.unwrap();
    store.commit(transaction).await.unwrap();
}

/// A plain condition would still see the owner of when the transaction began to look.
#[tokio::test]
async fn an_owner_that_was_robbed_while_its_transaction_was_open_is_fenced_under_any_isolation() {
    for isolation in ISOLATIONS {
        let database = Database::new().await;
        database.execute("CREATE TABLE effect (name text)").await;
        let store = database.store().await;
        store.register("refunds", Start::Beginning, &[]).await.unwrap();
        let first = take_over(&store, "one").await;
        for changes in [
            vec![Change::Advance { to: Position::new(1) }],
            vec![Change::Receipt { position: Position::new(2) }],
            vec![Change::Advance { to: Position::new(1) }, Change::Resume],
        ] {
            let mut transaction = begin(&store, isolation).await;
            sqlx::raw_sql("SELECT count(*) FROM effect")
                .fetch_all(&mut *transaction)
                .await
                .unwrap();
            let effect = sqlx::query("INSERT INTO effect VALUES ('ghost')");
            effect.execute(&mut *transaction).await.unwrap();
            store.release("refunds", first).await.unwrap();
            take_over(&database.store().await, "two").await;
            let fenced = store.record(&mut transaction, "refunds", first, &changes).await;
            assert_eq!(fenced.unwrap_err().kind(), ErrorKind::Fenced, "{isolation}");
            drop(transaction);
        }
        let status = store.status("refunds").await.unwrap().unwrap();
        assert_eq!(status.cursor, Position::START);
        let effects: i64 = database.ask("SELECT count(*) FROM effect").await;
        assert_eq!(effects, 0);
    }
}

/// Under none of them does somebody take over between the fence and the commit.
#[tokio::test]
async fn a_take_over_waits_for_who_is_in_the_fence_under_any_isolation() {
    for isolation in ISOLATIONS {
        for change in [
            Change::Advance { to: Position::new(1) },
            Change::Receipt { position: Position::new(2) },
            Change::Resume,
        ] {
            let database = Database::new().await;
            let store = database.store().await;
            store.register("refunds", Start::Beginning, &[]).await.unwrap();
            let first = take_over(&store, "one").await;
            let mut transaction = begin(&store, isolation).await;
            let changes = [change.clone()];
            store.record(&mut transaction, "refunds", first, &changes).await.unwrap();
            store.release("refunds", first).await.unwrap();
            let other = database.store().await;
            let mut taking = tokio::spawn(async move { take_over(&other, "two").await });
            tokio::select! {
                epoch = &mut taking => panic!("{epoch:?} began under {isolation} with {change:?}"),
                () = until_waiting(&database, "FROM ensue_owner") => {}
            }
            store.commit(transaction).await.unwrap();
            assert!(taking.await.unwrap() > first);
        }
    }
}

#[tokio::test]
async fn an_owner_that_stands_still_in_the_fence_holds_up_its_successor_for_a_while_only() {
    let database = Database::new().await;
    let options = database.store_options().idle_in_transaction(Duration::from_secs(1));
    let still = options.connect().await.unwrap();
    still.register("refunds", Start::Beginning, &[]).await.unwrap();
    let first = take_over(&still, "one").await;
    let mut transaction = still.begin().await.unwrap();
    let advance = Change::Advance { to: Position::new(1) };
    still.record(&mut transaction, "refunds", first, &[advance]).await.unwrap();
    let other = database.store().await;
    other.release("refunds", first).await.unwrap();
    let taking = take_over(&other, "two");
    assert!(tokio::time::timeout(PATIENCE, taking).await.unwrap() > first);
    assert!(still.commit(transaction).await.is_err());
    let status = other.status("refunds").await.unwrap().unwrap();
    assert_eq!(status.cursor, Position::START);
}

const ISOLATIONS: [&str; 3] = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"];

/// A transaction of this isolation, whatever the default.
async fn begin(store: &MysqlStore, isolation: &str) -> ensue_mysql::MysqlTransaction {
    let mut transaction = store.begin().await.unwrap();
    let again = format!(
        "ROLLBACK; SET TRANSACTION ISOLATION LEVEL {isolation};
        START TRANSACTION; SAVEPOINT ensue_unit_of_work"
    );
    let again = sqlx::raw_sql(sqlx::AssertSqlSafe(again));
    again.execute(&mut *transaction).await.unwrap();
    transaction
}

#[derive(Event, Serialize, Deserialize)]
struct Named {
    name: String,
}

/// Also where the user connects with another character set, or the server is set to cut off what is too
/// long.
#[tokio::test]
async fn what_was_written_comes_back_as_it_was_given() {
    let names = ["\u{1f980} 川 é \u{0}", "a\\b'c\"d`e%_", " blank ", &"x".repeat(70_000)];
    let server = server().await;
    let database = Database::on(server.url().parse().unwrap()).await;
    database.execute("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'").await;
    let options = MysqlOptions::new(database.options().charset("latin1"));
    let store = options.connect().await.unwrap();
    let events = Events::builder(store).build().await.unwrap();
    for name in names {
        let run = events.run(async |_tx| {
            raise(Named { name: name.to_owned() });
            Ok::<_, ensue::Error>(())
        });
        run.await.unwrap();
        let mut odd = envelope(name.as_bytes());
        odd.key = Some(name.to_owned());
        odd.trace_context = Some(name.to_owned());
        odd.headers.insert(name.to_owned(), name.to_owned());
        append(events.store(), &[odd.clone(), envelope([0xff, 0x00, 0xfe])]).await;
        events.store().barrier().await.unwrap();
        let head = events.head().await.unwrap();
        let page = ensue::store::Page::new(Position::new(head.get() - 3), 3);
        let read = database.store().await.entries(page).await.unwrap();
        let raised: Named = serde_json_from(&read[0].envelope.payload);
        assert_eq!(raised.name, name);
        assert_eq!(read[1].envelope, odd);
        assert_eq!(read[2].envelope.payload, [0xff, 0x00, 0xfe]);
    }
}

fn serde_json_from(payload: &[u8]) -> Named {
    serde_json::from_slice(payload).unwrap()
}
