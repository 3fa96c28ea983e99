//! Appending in transactions that are begun elsewhere.

use ensue_postgres::{append, append_in};
use sqlx::Connection;
use sqlx::postgres::PgPool;

use crate::server::{
    Database, append as append_by_store, assert_counts_up, envelopes, texts, whole_log,
};

#[tokio::test]
async fn events_are_appended_in_a_transaction_of_sqlxs_own() {
    let database = Database::new().await;
    let store = database.store().await;
    let pool = PgPool::connect_with(database.options()).await.unwrap();
    for (numbers, commits) in [(0..3, true), (3..6, false), (3..4, true)] {
        let mut transaction = pool.begin().await.unwrap();
        append_in(&mut transaction, &envelopes(numbers)).await.unwrap();
        match commits {
            true => transaction.commit().await.unwrap(),
            false => transaction.rollback().await.unwrap(),
        }
    }
    assert_eq!(whole_log(&store).await, texts(0..4));
    pool.close().await;
}

#[tokio::test]
async fn events_of_a_savepoint_that_was_rolled_back_never_appear() {
    let database = Database::new().await;
    let store = database.store().await;
    let mut connection = database.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    append_in(&mut transaction, &envelopes([0])).await.unwrap();
    let mut inner = transaction.begin().await.unwrap();
    append_in(&mut inner, &envelopes([100])).await.unwrap();
    inner.rollback().await.unwrap();
    append_in(&mut transaction, &envelopes([1])).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(whole_log(&store).await, texts(0..2));
}

#[tokio::test]
async fn more_events_than_a_statement_takes_stand_in_their_order() {
    let database = Database::new().await;
    let store = database.store().await;
    let many = envelopes(0..45_000);
    assert_eq!(append::batches(&many).count(), 3);
    append_by_store(&store, &many).await;
    assert_counts_up(&whole_log(&store).await, 45_000);
}

#[tokio::test]
async fn a_payload_is_readable_text_where_it_is_text() {
    let database = Database::new().await;
    let store = database.store().await;
    append_by_store(&store, &envelopes([7])).await;
    assert_eq!(whole_log(&store).await, ["7"]);
    let payload: String = database.ask("SELECT payload FROM ensue.log").await;
    assert_eq!(payload, "7");
}
