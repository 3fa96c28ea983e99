//! Whatever the defaults of a database are.

use std::time::Duration;

use ensue::subscription::{Change, Epoch, TakeOver};
use ensue::{ErrorKind, Log, Position, Start, Subscriptions, Transactions};
use ensue_postgres::PostgresStore;
use sqlx::Connection;
use tokio::task::JoinSet;

use crate::server::{Database, append, envelope, envelopes, texts, whole_log};

const LONG: Duration = Duration::from_secs(3_600);

/// Whatever users may have set for themselves.
const DEFAULTS: [&str; 9] = [
    "default_transaction_isolation = 'repeatable read'",
    "default_transaction_isolation = 'serializable'",
    "default_transaction_read_only = on",
    "synchronous_commit = off",
    "search_path = 'nowhere'",
    "jit_above_cost = 0",
    "plan_cache_mode = force_custom_plan",
    "lock_timeout = '1s'",
    "timezone = 'Asia/Seoul'",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_defaults_are_events_are_stored_and_subscriptions_kept() {
    for default in DEFAULTS {
        let database = Database::with_default(default).await;
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

async fn take_over(store: &PostgresStore, owner: &str) -> Epoch {
    match store.take_over("refunds", owner, LONG).await.unwrap() {
        TakeOver::Granted(term) => term.epoch,
        TakeOver::Held { owner: other, .. } => panic!("{owner} was refused for {other}"),
    }
}

async fn record(store: &PostgresStore, epoch: Epoch, to: u64) {
    let mut transaction = store.begin().await.unwrap();
    let advance = Change::Advance { to: Position::new(to) };
    store.record(&mut transaction, "refunds", epoch, &[advance]).await.unwrap();
    store.commit(transaction).await.unwrap();
}

/// A plain condition would still see the owner of when the transaction began to look.
#[tokio::test]
async fn an_owner_that_was_robbed_while_its_transaction_was_open_is_fenced_under_any_isolation() {
    for isolation in ["read committed", "repeatable read", "serializable"] {
        let default = format!("default_transaction_isolation = '{isolation}'");
        let database = Database::with_default(&default).await;
        database.execute("CREATE TABLE effect (name text)").await;
        let store = database.store().await;
        store.register("refunds", Start::Beginning, &[]).await.unwrap();
        let first = take_over(&store, "one").await;
        for changes in [
            vec![Change::Advance { to: Position::new(1) }],
            vec![Change::Receipt { position: Position::new(2) }],
            vec![Change::Advance { to: Position::new(1) }, Change::Resume],
        ] {
            let mut transaction = store.begin().await.unwrap();
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

#[tokio::test]
async fn the_schema_is_whatever_it_is_told_to_be() {
    let database = Database::new().await;
    let options = database.store_options().schema("Shop_events2");
    let (store, beside) = (options.clone().connect().await.unwrap(), database.store().await);
    append(&store, &envelopes(0..3)).await;
    append(&beside, &[envelope("beside")]).await;
    assert_eq!(whole_log(&options.connect().await.unwrap()).await, texts(0..3));
    assert_eq!(whole_log(&beside).await, ["beside"]);
    assert_ne!(store.identity().await.unwrap(), beside.identity().await.unwrap());
    let tables: i64 = database
        .ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'Shop_events2' AND tablename = 'log'")
        .await;
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn a_schema_whose_name_cannot_be_written_is_refused() {
    let database = Database::new().await;
    let refused = database.store_options().schema("x; DROP").connect().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Configuration);
}

/// A deferred constraint may wait for other transactions, and must not do so after the append.
#[tokio::test]
async fn deferred_constraints_are_checked_before_the_append() {
    let database = Database::new().await;
    database.execute("CREATE TABLE seat (number int UNIQUE DEFERRABLE INITIALLY DEFERRED)").await;
    let store = database.store().await;
    let mut transaction = store.begin().await.unwrap();
    let twice = "INSERT INTO seat VALUES (1), (1)";
    sqlx::query(twice).execute(&mut *transaction).await.unwrap();
    let refused = store.append(&mut transaction, &[envelope("ghost")]).await.unwrap_err();
    assert!(refused.to_string().contains("seat_number_key"), "{refused}");
    drop(transaction);
    assert_eq!(whole_log(&store).await, [""; 0]);
}

#[tokio::test]
async fn events_stand_in_the_order_in_which_deferred_constraints_were_waited_for() {
    let database = Database::new().await;
    database.execute("CREATE TABLE seat (number int UNIQUE DEFERRABLE INITIALLY DEFERRED)").await;
    let (store, other) = (database.store().await, database.store().await);
    let mut first = store.begin().await.unwrap();
    sqlx::query("INSERT INTO seat VALUES (1)").execute(&mut *first).await.unwrap();
    let mut second = other.begin().await.unwrap();
    sqlx::query("INSERT INTO seat VALUES (1)").execute(&mut *second).await.unwrap();
    let waiting = tokio::spawn(async move {
        let appended = other.append(&mut second, &[envelope("second")]).await;
        appended.map(|()| second)
    });
    let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)";
    crate::server::until(async || database.ask::<bool>(waits).await).await;
    sqlx::query("DELETE FROM seat").execute(&mut *first).await.unwrap();
    store.append(&mut first, &[envelope("first")]).await.unwrap();
    store.commit(first).await.unwrap();
    let second = waiting.await.unwrap().unwrap();
    store.commit(second).await.unwrap();
    assert_eq!(whole_log(&store).await, ["first", "second"]);
}

/// `READ COMMITTED` whatever comes, and no statement that another connection has prepared.
#[tokio::test]
async fn behind_a_pooler_no_statement_of_ours_is_prepared() {
    let database = Database::new().await;
    let store = database.store_options().behind_pooler().connect().await.unwrap();
    append(&store, &envelopes(0..3)).await;
    store.register("refunds", Start::Head, &["order.placed"]).await.unwrap();
    let epoch = take_over(&store, "one").await;
    record(&store, epoch, 7).await;
    assert_eq!(whole_log(&store).await, texts(0..3));
    assert_eq!(store.claims().await.unwrap().len(), 1);
    let mut transaction = store.begin().await.unwrap();
    let prepared = sqlx::query_scalar("SELECT count(*) FROM pg_prepared_statements");
    let prepared: i64 = prepared.persistent(false).fetch_one(&mut *transaction).await.unwrap();
    assert_eq!(prepared, 0);
    store.rollback(transaction).await.unwrap();
    let listening = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    assert_eq!(database.ask::<i64>(listening).await, 0);
    database.connect().await.close().await.unwrap();
}
