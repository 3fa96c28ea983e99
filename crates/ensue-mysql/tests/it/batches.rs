//! Appends that are larger than the server accepts at once.

use ensue::{Log, Transactions};
use servers::MariaDb;

use crate::server::{Database, append, envelope, texts, whole_log};

const MB: usize = 1 << 20;

/// This holds even if the server accepts less than the test servers do by default.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_with_large_headers_are_appended_in_statements_that_the_server_takes() {
    let server = tokio::task::spawn_blocking(|| MariaDb::start().unwrap()).await.unwrap();
    let database = Database::on(server.url().parse().unwrap()).await;
    database.execute("SET GLOBAL max_allowed_packet = 1048576").await;
    let store = database.store().await;
    let events: Vec<_> = (0..200)
        .map(|number| {
            let mut event = envelope(number.to_string());
            event.headers.insert("cookie".to_owned(), "x".repeat(20_000));
            event
        })
        .collect();
    append(&store, &events).await;
    assert_eq!(whole_log(&store).await, texts(0..200));
}

#[tokio::test]
async fn an_event_that_is_larger_than_a_message_may_be_is_refused_and_costs_no_connection() {
    let database = Database::new().await;
    let takes: i64 = database.ask("SELECT CAST(@@max_allowed_packet AS SIGNED)").await;
    let store = database.store_options().connections(1).connect().await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    let session = "SELECT CONNECTION_ID()";
    let before: u64 = sqlx::query_scalar(session).fetch_one(&mut *transaction).await.unwrap();
    let large = envelope(vec![b'x'; usize::try_from(takes).unwrap().max(MB)]);
    let error = store.append(&mut transaction, &[large]).await.unwrap_err();
    assert!(!error.is_retryable() && error.to_string().contains("max_allowed_packet"), "{error}");
    store.rollback(transaction).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    let after: u64 = sqlx::query_scalar(session).fetch_one(&mut *transaction).await.unwrap();
    assert_eq!(before, after);
    store.append(&mut transaction, &[envelope("0")]).await.unwrap();
    store.commit(transaction).await.unwrap();
    assert_eq!(store.barrier().await.unwrap().get(), 1);
}
