//! What the sequencer promises, and what could keep it from it.

use std::time::Duration;

use ensue::store::Page;
use ensue::{Log, Position, Transactions};
use ensue_postgres::PostgresStore;
use sqlx::{Connection, Row};
use tokio::task::JoinSet;

use crate::horizon::{horizon, insert, pass};
use crate::server::{
    Database, append, assert_counts_up, envelope, envelopes, payloads, texts, until, whole_log,
};

/// One that moves nothing until it is asked to.
async fn on_demand(database: &Database) -> PostgresStore {
    database.store_options().sequence_on_demand().connect().await.unwrap()
}

#[tokio::test]
async fn an_open_transaction_that_has_appended_delays_nobody_but_itself() {
    let database = Database::new().await;
    let (store, other) = (database.store().await, database.store().await);
    let mut open = other.begin().await.unwrap();
    other.append(&mut open, &[envelope("late")]).await.unwrap();
    for number in 0..20 {
        append(&store, &envelopes([number])).await;
    }
    assert_eq!(whole_log(&store).await, texts(0..20));
    other.commit(open).await.unwrap();
    assert_eq!(whole_log(&store).await.last().unwrap(), "late");
}

#[tokio::test]
async fn a_transaction_prepared_for_two_phases_delays_nobody_but_itself() {
    let database = Database::new().await;
    let store = database.store().await;
    let prepare =
        format!("BEGIN; {}; PREPARE TRANSACTION 'forgotten'", insert("pg_current_xact_id()", 1, 3));
    database.execute(prepare).await;
    append(&store, &[envelope("prompt")]).await;
    assert_eq!(whole_log(&store).await, ["prompt"]);
    database.execute("COMMIT PREPARED 'forgotten'").await;
    assert_eq!(whole_log(&store).await, ["prompt", "1", "2", "3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_sequencers_give_every_event_one_position_in_the_order_of_its_writer() {
    const EACH: usize = 60;
    let database = Database::new().await;
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let store = database.store().await;
        writers.spawn(async move {
            for number in 0..EACH {
                if number % 7 == 3 {
                    let mut ghost = store.begin().await.unwrap();
                    store.append(&mut ghost, &[envelope("ghost")]).await.unwrap();
                    store.rollback(ghost).await.unwrap();
                }
                append(&store, &[envelope(format!("{writer}/{number:02}"))]).await;
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let log = whole_log(&database.store().await).await;
    for writer in 0..4 {
        let own = log.iter().filter(|payload| payload.starts_with(&format!("{writer}/")));
        let expected: Vec<_> = (0..EACH).map(|number| format!("{writer}/{number:02}")).collect();
        assert_eq!(own.cloned().collect::<Vec<_>>(), expected);
    }
    assert_eq!(log.len(), 4 * EACH);
}

#[tokio::test]
async fn a_large_backlog_is_moved_in_several_transactions_in_the_order_of_the_appends() {
    let database = Database::new().await;
    let store = on_demand(&database).await;
    // Written by two transactions at once, so that the order of ids is not that of commits.
    let (mut one, mut two) = (store.begin().await.unwrap(), store.begin().await.unwrap());
    for part in 0..10 {
        let numbers = part * 5_000..(part + 1) * 5_000;
        let writer = if part % 2 == 0 { &mut one } else { &mut two };
        store.append(writer, &envelopes(numbers)).await.unwrap();
    }
    store.commit(two).await.unwrap();
    store.commit(one).await.unwrap();
    assert_counts_up(&whole_log(&store).await, 50_000);
    let passes: i64 = database.ask("SELECT count(DISTINCT xmin::text) FROM ensue.log").await;
    assert_eq!(passes, 3);
}

#[tokio::test]
async fn what_commits_while_a_backlog_is_moved_comes_after_it_and_stays_in_order() {
    for rewrite in [None, Some("VACUUM FULL ensue.outbox")] {
        let database = Database::new().await;
        let store = on_demand(&database).await;
        let mut late = store.begin().await.unwrap();
        store.append(&mut late, &[envelope("late 1")]).await.unwrap();
        append(&store, &envelopes(0..10)).await;
        store.append(&mut late, &[envelope("late 2")]).await.unwrap();
        append(&store, &envelopes(10..20)).await;
        let mut session = database.connect().await;
        let survey = "SELECT last_id, first_page::text, last_page::text, seen, file::text
            FROM ensue.survey(NULL, 10, 1000000)";
        let chunks = sqlx::query(survey).fetch_all(&mut session).await.unwrap();
        assert_eq!(chunks.len(), 2);
        store.commit(late).await.unwrap();
        // The rows then lie on other pages than the survey saw.
        if let Some(rewrite) = rewrite {
            sqlx::raw_sql(rewrite).execute(&mut session).await.unwrap();
        }
        for chunk in chunks {
            let text = |column| chunk.get::<String, _>(column);
            let pass = "SELECT ensue.pass_chunk($1, $2::tid, $3::tid, $4, true, $5::oid, NULL)";
            let pass = sqlx::query(pass).bind(chunk.get::<i64, _>(0));
            let pass = pass.bind(text(1)).bind(text(2)).bind(text(3)).bind(text(4));
            pass.execute(&mut session).await.unwrap();
        }
        assert_eq!(payloads(&store).await, texts(0..20));
        assert_eq!(whole_log(&store).await[20..], ["late 1", "late 2"]);
    }
}

/// As a dump from a server that had counted less far leaves them.
#[tokio::test]
async fn rows_from_below_the_horizon_are_found_without_anybody_asking() {
    let database = Database::new().await;
    let store = database.store().await;
    append(&store, &[envelope("0")]).await;
    until(async || store.head().await.unwrap() == Position::new(1)).await;
    database.execute(insert("'3'::xid8", 1, 3)).await;
    until(async || store.head().await.unwrap() == Position::new(4)).await;
    assert_eq!(payloads(&store).await, texts(0..4));
}

/// As a dump from a server that had counted further leaves them: their transaction ids tell
/// nothing of what is visible here.
#[tokio::test]
async fn a_large_backlog_from_another_server_is_moved_in_order_all_the_same() {
    let database = Database::new().await;
    let store = on_demand(&database).await;
    database.execute(insert("'1000000000000'::xid8", 0, 29_999)).await;
    append(&store, &envelopes([30_000])).await;
    assert_counts_up(&whole_log(&store).await, 30_001);
}

#[tokio::test]
async fn events_that_another_program_leaves_in_the_outbox_are_found_by_polling() {
    let database = Database::new().await;
    let store = database.store().await;
    database.execute(insert("pg_current_xact_id()", 0, 2)).await;
    until(async || store.head().await.unwrap() == Position::new(3)).await;
    assert_eq!(payloads(&store).await, texts(0..3));
}

/// Also of those who look while passes go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_head_never_names_what_cannot_be_read() {
    let database = Database::new().await;
    let (store, writer) = (database.store().await, database.store().await);
    let writing = tokio::spawn(async move {
        for number in 0..100 {
            append(&writer, &envelopes([number, number])).await;
        }
    });
    let mut head = Position::START;
    while head < Position::new(200) {
        head = store.head().await.unwrap();
        let last = store.entries(Page::new(head.previous(), 1)).await.unwrap();
        assert!(head == Position::START || last[0].position == head);
    }
    writing.await.unwrap();
}

#[tokio::test]
async fn a_sequencer_whose_connection_is_killed_goes_on() {
    let database = Database::new().await;
    let store = database.store().await;
    for round in 0..3 {
        append(&store, &envelopes([round])).await;
        assert_eq!(whole_log(&store).await, texts(0..=round));
        database
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await;
    }
}

#[tokio::test]
async fn an_idle_store_asks_for_hardly_anything() {
    let database = Database::new().await;
    let store = database.store().await;
    append(&store, &envelopes([0])).await;
    store.barrier().await.unwrap();
    let transactions = "SELECT pg_stat_clear_snapshot() IS NULL, xact_commit + xact_rollback
        FROM pg_stat_database WHERE datname = current_database()";
    let mut session = database.connect().await;
    // Polling takes as long to become rare, and the server to write down what was asked.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut seen = Vec::new();
    // The server's own, such as those of a vacuum, count as well; but that ends. A store that asks too often
    // never has such a window.
    for _ in 0..60 {
        let before: i64 = sqlx::query(transactions).fetch_one(&mut session).await.unwrap().get(1);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let after: i64 = sqlx::query(transactions).fetch_one(&mut session).await.unwrap().get(1);
        seen.push(after - before);
        // Two of them are this test's.
        if after - before <= 2 + 10 {
            break;
        }
    }
    session.close().await.unwrap();
    assert!(seen.last() <= Some(&(2 + 10)), "{seen:?} transactions in five seconds each");
}

#[tokio::test]
async fn a_pass_under_another_isolation_is_refused() {
    let database = Database::with_default("default_transaction_isolation = serializable").await;
    database.store().await;
    let mut session = database.connect().await;
    let pass =
        sqlx::query("SELECT ensue.pass(NULL, 10, 1000000, NULL)").execute(&mut session).await;
    assert!(pass.unwrap_err().to_string().contains("READ COMMITTED"));
}

/// Nobody's server is known to be set up for it.
#[tokio::test]
async fn a_pass_is_flushed_planned_for_an_index_and_not_compiled_whatever_the_defaults_are() {
    let database = Database::with_default("synchronous_commit = off").await;
    database.store().await;
    let mut session = database.connect().await;
    let horizon = horizon(&mut session).await;
    let mut transaction = session.begin().await.unwrap();
    assert!(pass(&mut transaction, &horizon).await.is_known);
    let settings = "SELECT current_setting('synchronous_commit')
        || current_setting('enable_seqscan') || current_setting('jit')";
    let set: String = sqlx::query_scalar(settings).fetch_one(&mut *transaction).await.unwrap();
    assert_eq!(set, "onoffoff");
}
