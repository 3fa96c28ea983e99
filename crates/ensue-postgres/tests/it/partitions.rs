//! The log's partitions, made before they are needed and dropped when nobody needs them.

use ensue::store::Page;
use ensue::subscription::{Pruned, Unhandled};
use ensue::{ErrorKind, Log, Position, Start, Subscriptions};
use ensue_postgres::PostgresStore;
use sqlx::Connection;

use crate::server::{Database, append, envelopes, texts, whole_log};

const PARTITIONS: &str = "SELECT coalesce(array_agg(relname::text ORDER BY pg_class.oid), '{}')
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'ensue.log'::regclass";

const ROWS: &str = "SELECT count(*) FROM ensue.log";

/// A log whose partitions have 10,000 entries each.
async fn small_partitions(database: &Database) -> PostgresStore {
    let store = database.store_options().sequence_on_demand().connect().await.unwrap();
    database.execute("UPDATE ensue.log_meta SET partition_entries = 10000").await;
    store
}

async fn partitions(database: &Database) -> Vec<String> {
    database.ask(PARTITIONS).await
}

fn pruned(oldest: u64) -> Pruned {
    Pruned { oldest: Position::new(oldest), held_by: None }
}

#[tokio::test]
async fn a_usual_log_has_one_partition_for_a_long_time() {
    let database = Database::new().await;
    let store = database.store().await;
    append(&store, &envelopes(0..3)).await;
    assert_eq!(whole_log(&store).await, texts(0..3));
    assert_eq!(partitions(&database).await, ["log_1"]);
}

#[tokio::test]
async fn partitions_are_there_before_their_entries_and_are_dropped_when_all_of_them_are_pruned() {
    let database = Database::new().await;
    let store = small_partitions(&database).await;
    append(&store, &envelopes(0..25_000)).await;
    assert_eq!(store.barrier().await.unwrap(), Position::new(25_000));
    let made: Vec<_> = (0..7).map(|number| format!("log_{}", number * 10_000 + 1)).collect();
    assert_eq!(partitions(&database).await, made);
    let answer = store.prune(Position::new(22_000), Unhandled::Keep).await.unwrap();
    assert_eq!(answer, pruned(22_001));
    assert_eq!(partitions(&database).await, made[2..]);
    assert_eq!(database.ask::<i64>(ROWS).await, 3_000);
    let refused = store.entries(Page::new(Position::new(21_999), 10)).await.unwrap_err();
    assert_eq!(
        (refused.kind(), refused.oldest()),
        (ErrorKind::Pruned, Some(Position::new(22_001)))
    );
    let left = store.entries(Page::new(Position::new(22_000), 10_000)).await.unwrap();
    assert_eq!((left.len(), left[2_999].position), (3_000, Position::new(25_000)));
    append(&store, &envelopes(0..1)).await;
    assert_eq!(store.barrier().await.unwrap(), Position::new(25_001));
}

#[tokio::test]
async fn a_partition_of_which_anything_is_needed_stays() {
    let database = Database::new().await;
    let store = small_partitions(&database).await;
    append(&store, &envelopes(0..10_000)).await;
    store.register("refunds", Start::Head, &[]).await.unwrap();
    append(&store, &envelopes(0..10_000)).await;
    store.barrier().await.unwrap();
    let answer = store.prune(Position::new(20_000), Unhandled::Keep).await.unwrap();
    assert_eq!(
        (answer.oldest, answer.held_by.as_deref()),
        (Position::new(10_001), Some("refunds"))
    );
    assert_eq!(database.ask::<i64>(ROWS).await, 10_000);
}

#[tokio::test]
async fn when_everything_was_pruned_positions_go_on_in_the_partition_that_is_left() {
    let database = Database::new().await;
    let store = small_partitions(&database).await;
    append(&store, &envelopes(0..20_000)).await;
    store.barrier().await.unwrap();
    store.prune(Position::new(20_000), Unhandled::Keep).await.unwrap();
    assert_eq!(database.ask::<i64>(ROWS).await, 0);
    assert_eq!(store.head().await.unwrap(), Position::new(20_000));
    append(&store, &envelopes(0..1)).await;
    assert_eq!(store.barrier().await.unwrap(), Position::new(20_001));
}

/// A backup, say. It is not waited for, and the answer says what is so.
#[tokio::test]
async fn while_somebody_reads_for_long_no_partition_is_dropped_and_nobody_else_is_held_up() {
    let database = Database::new().await;
    let store = small_partitions(&database).await;
    append(&store, &envelopes(0..20_000)).await;
    store.barrier().await.unwrap();
    let mut session = database.connect().await;
    let mut backup = session.begin().await.unwrap();
    sqlx::query(ROWS).execute(&mut *backup).await.unwrap();
    let pruning = store.prune(Position::new(15_000), Unhandled::Keep);
    let meanwhile = async {
        append(&store, &envelopes(0..1)).await;
        store.barrier().await.unwrap()
    };
    let (answer, head) = tokio::join!(pruning, meanwhile);
    assert_eq!((answer.unwrap(), head), (pruned(1), Position::new(20_001)));
    assert_eq!(store.entries(Page::new(Position::START, 10)).await.unwrap().len(), 10);
    backup.rollback().await.unwrap();
    let answer = store.prune(Position::new(15_000), Unhandled::Keep).await.unwrap();
    assert_eq!(answer, pruned(15_001));
}

/// It is the roles that sequence which have no right to make or drop tables.
#[tokio::test]
async fn who_may_only_use_the_tables_makes_and_drops_partitions_all_the_same() {
    let database = Database::new().await;
    database.store().await.close().await;
    let user = format!("user_{}", database.name());
    let grants = "CREATE ROLE USER LOGIN; GRANT USAGE ON SCHEMA ensue TO USER;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ensue TO USER;
        UPDATE ensue.log_meta SET partition_entries = 10000";
    database.execute(grants.replace("USER", &user)).await;
    let server = database.options().username(&user);
    let store = ensue_postgres::PostgresOptions::new(server).connect().await.unwrap();
    append(&store, &envelopes(0..12_000)).await;
    store.barrier().await.unwrap();
    let answer = store.prune(Position::new(11_000), Unhandled::Keep).await.unwrap();
    assert_eq!(answer, pruned(11_001));
    assert_eq!(partitions(&database).await[0], "log_10001");
    store.close().await;
    database.execute(format!("DROP OWNED BY {user} CASCADE; DROP ROLE {user}")).await;
}

/// A lock that lets others read and write the log, and no partition be attached to it.
#[tokio::test]
async fn passes_go_on_while_no_partition_can_be_made_as_long_as_there_is_room() {
    let database = Database::new().await;
    let store = small_partitions(&database).await;
    append(&store, &envelopes(0..1)).await;
    store.barrier().await.unwrap();
    let mut session = database.connect().await;
    let mut analysis = session.begin().await.unwrap();
    let lock = "LOCK TABLE ensue.log IN SHARE UPDATE EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut *analysis).await.unwrap();
    let before = partitions(&database).await;
    append(&store, &envelopes(0..15_000)).await;
    assert_eq!(store.barrier().await.unwrap(), Position::new(15_001));
    assert_eq!(partitions(&database).await, before);
    analysis.rollback().await.unwrap();
    append(&store, &envelopes(0..1)).await;
    store.barrier().await.unwrap();
    assert!(partitions(&database).await.len() > before.len());
}

/// Two partitions among a hundred, by the plan that is made for any two positions.
#[tokio::test]
async fn a_page_is_read_in_no_other_partition_than_its_own() {
    let database = Database::new().await;
    let store = small_partitions(&database).await;
    append(&store, &envelopes(0..1)).await;
    store.barrier().await.unwrap();
    let read = include_str!("../../src/sql/read_after.sql");
    let explain = "PREPARE page AS READ; SET plan_cache_mode = force_generic_plan;
        EXPLAIN EXECUTE page (9500, 10500)";
    let explain = sqlx::AssertSqlSafe(explain.replace("READ", read));
    let plan = sqlx::raw_sql(explain).fetch_all(&mut database.connect().await).await.unwrap();
    let steps = plan.iter().map(|row| sqlx::Row::get::<String, _>(row, 0));
    let scans: Vec<_> = steps.filter(|step| step.contains("Scan using")).collect();
    assert_eq!(scans.len(), 2, "{scans:?}");
}
