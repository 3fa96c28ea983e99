//! Connections, and who waits for one.

use ensue::store::Page;
use ensue::{Log, Position, Transactions};
use ensue_postgres::PostgresOptions;
use tokio::task::JoinSet;

use crate::server::{Database, append, envelope, envelopes, until};

#[tokio::test]
async fn units_of_work_wait_their_turn_and_what_is_ours_does_not_wait_for_them() {
    let database = Database::new().await;
    let store = database.store_options().connections(2).connect().await.unwrap();
    let held = (store.begin().await.unwrap(), store.begin().await.unwrap());
    let mut waiting = JoinSet::new();
    for number in 0..5 {
        let store = store.clone();
        waiting.spawn(async move { append(&store, &envelopes([number])).await });
    }
    assert_eq!(store.barrier().await.unwrap().get(), 0);
    drop(held);
    waiting.join_all().await;
    assert_eq!(store.barrier().await.unwrap().get(), 5);
}

#[tokio::test]
async fn a_store_that_nobody_holds_any_more_lets_go_of_all_its_connections() {
    let database = Database::new().await;
    let others = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for closes in [false, true] {
        let store = database.store().await;
        append(&store, &envelopes([0])).await;
        store.barrier().await.unwrap();
        assert!(database.ask::<i64>(others).await >= 3);
        if closes {
            store.close().await;
            assert!(store.begin().await.is_err());
        }
        drop(store);
        until(async || database.ask::<i64>(others).await == 0).await;
    }
}

/// Through a pooler it would not refuse to write, and is said not to: hence past it.
#[tokio::test]
async fn a_reader_sees_what_is_committed_waits_for_no_unit_of_work_and_refuses_to_write() {
    let database = Database::new().await;
    let store = PostgresOptions::new(database.options()).connections(1).connect().await.unwrap();
    database.execute("CREATE TABLE effect (number bigint); INSERT INTO effect VALUES (1)").await;
    let mut held = store.begin().await.unwrap();
    sqlx::query("UPDATE effect SET number = 2").execute(&mut *held).await.unwrap();
    let number = "SELECT number FROM effect";
    let number: i64 = sqlx::query_scalar(number).fetch_one(store.reader()).await.unwrap();
    assert_eq!(number, 1);
    let written = sqlx::query("INSERT INTO effect VALUES (3)").execute(store.reader()).await;
    let refusal = written.unwrap_err().into_database_error().unwrap();
    assert_eq!(refusal.code().as_deref(), Some("25006"), "{refusal}");
}

/// But for the first of them, of which nobody could know that its payloads are large.
#[tokio::test]
async fn pages_that_are_cut_short_by_their_bytes_are_read_on_one_connection() {
    let database = Database::new().await;
    let store = database.store_options().without_listening().connect().await.unwrap();
    append(&store, &vec![envelope(vec![b'x'; 20_000]); 200]).await;
    store.barrier().await.unwrap();
    let readers = "SELECT array_agg(pid ORDER BY pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND query LIKE '%FROM ensue.log%'";
    let page = |after| Page { after: Position::new(after), rows: 1_000, bytes: 100_000 };
    assert_eq!(store.entries(page(0)).await.unwrap().len(), 5);
    assert_eq!(store.entries(page(5)).await.unwrap().len(), 5);
    let before: Vec<i32> = database.ask(readers).await;
    for number in 2..30 {
        let entries = store.entries(page(number * 5)).await.unwrap();
        assert_eq!((entries.len(), entries[0].position.get()), (5, number * 5 + 1));
    }
    assert_eq!(database.ask::<Vec<i32>>(readers).await, before);
}

/// Fewer rows are asked for than there is room for, and the rest is asked for at once.
#[tokio::test]
async fn a_page_of_small_payloads_after_large_ones_is_full_all_the_same() {
    let database = Database::new().await;
    let store = database.store().await;
    append(&store, &vec![envelope(vec![b'x'; 50_000]); 4]).await;
    append(&store, &envelopes(0..500)).await;
    store.barrier().await.unwrap();
    let page = |after| Page { after: Position::new(after), rows: 300, bytes: 200_000 };
    assert_eq!(store.entries(page(0)).await.unwrap().len(), 4);
    let entries = store.entries(page(4)).await.unwrap();
    assert_eq!((entries.len(), entries[299].position.get()), (300, 304));
    assert_eq!(store.entries(page(304)).await.unwrap().len(), 200);
}
