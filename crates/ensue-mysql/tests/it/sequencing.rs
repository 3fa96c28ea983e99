//! What the sequencer promises, and what could keep it from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ensue::store::Page;
use ensue::{Log, Position, Transactions};
use ensue_mysql::{MysqlOptions, MysqlStore};
use sqlx::Row;
use tokio::task::JoinSet;

use crate::proxy::{Fault, Proxy};
use crate::server::{
    Database, UNSOUND, append, assert_counts_up, envelope, envelopes, payloads, texts, until,
    whole_log,
};

/// One that moves nothing until it is asked to.
async fn on_demand(database: &Database) -> MysqlStore {
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
async fn a_snapshot_that_is_held_delays_nobody() {
    let database = Database::new().await;
    let store = database.store().await;
    append(&store, &envelopes(0..3)).await;
    let mut session = database.connect().await;
    let hold = "START TRANSACTION WITH CONSISTENT SNAPSHOT; SELECT count(*) FROM ensue_outbox";
    sqlx::raw_sql(hold).fetch_all(&mut session).await.unwrap();
    append(&store, &envelopes(3..6)).await;
    assert_eq!(whole_log(&store).await, texts(0..6));
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
}

/// They are later in the log than what was committed before them, though their ids are lower.
#[tokio::test]
async fn what_commits_late_comes_after_what_was_moved_and_stays_in_order() {
    let database = Database::new().await;
    let store = on_demand(&database).await;
    let mut late = store.begin().await.unwrap();
    store.append(&mut late, &[envelope("late 1")]).await.unwrap();
    append(&store, &envelopes(0..10)).await;
    assert_eq!(whole_log(&store).await, texts(0..10));
    store.append(&mut late, &[envelope("late 2")]).await.unwrap();
    append(&store, &envelopes(10..20)).await;
    store.commit(late).await.unwrap();
    let log = whole_log(&store).await;
    assert_eq!(log[..11], [&texts(0..10)[..], &["late 1".to_owned()]].concat());
    assert_eq!(log.len(), 22);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pass_whose_process_goes_away_is_done_wholly_or_not_at_all() {
    let database = Database::new().await;
    for round in 0..40 {
        let store = database.store().await;
        append(&store, &envelopes(0..40)).await;
        // Somewhere in the middle of a pass; in which of its statements does not matter.
        tokio::time::sleep(Duration::from_micros(150 * round)).await;
        drop(store);
        let sessions = format!(
            "SELECT count(*) FROM information_schema.processlist WHERE db = '{}' AND id <> connection_id()",
            database.name()
        );
        until(async || database.ask::<i64>(sessions.clone()).await == 0).await;
        assert_eq!(database.ask::<i64>(UNSOUND).await, 0, "round {round}");
    }
    assert_eq!(whole_log(&database.store().await).await.len(), 1_600);
}

/// The kinds of errors after which a smaller portion may succeed.
#[tokio::test]
async fn a_pass_that_does_not_fit_is_tried_with_less_until_it_does() {
    let database = Database::new().await;
    let proxy = Proxy::to(&database.options()).await;
    let options = MysqlOptions::new(proxy.through(database.options())).sequence_on_demand();
    let store = options.connect().await.unwrap();
    let mut expected = 0;
    for number in [1969, 3024, 1105, 1114, 1180, 1197, 1206, 1534, 3100, 3231] {
        append(&store, &envelopes(expected..expected + 100)).await;
        expected += 100;
        let fails = Fault::Fails(number);
        proxy.set_rule(move |statement| {
            rows_of_pass(statement).filter(|rows| *rows > 40).map(|_| fails)
        });
        assert_counts_up(&whole_log(&store).await, expected);
        proxy.clear_rule();
    }
    assert_eq!(database.ask::<i64>(UNSOUND).await, 0);
}

/// Returns the maximum number of rows that a statement moves, if it is the moving statement of a pass.
fn rows_of_pass(statement: &str) -> Option<u32> {
    let (_, limit) =
        statement.rsplit_once("LIMIT ").filter(|_| statement.contains("INTO ensue_log"))?;
    limit.split(')').next()?.parse().ok()
}

#[tokio::test]
async fn a_pass_is_bounded_in_bytes() {
    let database = Database::new().await;
    let proxy = Proxy::to(&database.options()).await;
    let options = MysqlOptions::new(proxy.through(database.options())).sequence_on_demand();
    let store = options.connect().await.unwrap();
    // The sequencer's portion is 16 MB, and includes the row that fills it.
    for number in 0..6 {
        append(&store, &[envelope(format!("{}{number}", "0".repeat(5_000_000)))]).await;
    }
    let passes = Arc::<AtomicU32>::default();
    let counted = Arc::clone(&passes);
    proxy.set_rule(move |statement| {
        counted.fetch_add(u32::from(rows_of_pass(statement).is_some()), Ordering::Relaxed);
        None
    });
    assert_eq!(store.barrier().await.unwrap(), Position::new(6));
    for number in 0..6 {
        let entries = store.read(Page::new(Position::new(number), 1)).await.unwrap();
        let entry = entries[0].as_ref().unwrap();
        assert!(entry.envelope.payload.ends_with(number.to_string().as_bytes()));
    }
    assert_eq!(passes.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn events_that_another_program_leaves_in_the_outbox_are_found_by_polling() {
    let database = Database::new().await;
    let store = database.store().await;
    let mut connection = database.connect().await;
    let mut transaction = sqlx::Connection::begin(&mut connection).await.unwrap();
    ensue_mysql::append_in(&mut transaction, &envelopes(0..3)).await.unwrap();
    transaction.commit().await.unwrap();
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
        database.end_sessions().await;
    }
}

#[tokio::test]
async fn an_idle_store_asks_for_hardly_anything() {
    let server = tokio::task::spawn_blocking(|| servers::MariaDb::start().unwrap()).await.unwrap();
    let database = Database::on(server.url().parse().unwrap()).await;
    let store = database.store().await;
    append(&store, &envelopes([0])).await;
    store.barrier().await.unwrap();
    let mut session = database.connect().await;
    let statements = "SHOW GLOBAL STATUS LIKE 'Questions'";
    // Polling takes as long to become rare.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut asked = Vec::new();
    for _ in 0..2 {
        let row = sqlx::raw_sql(statements).fetch_one(&mut session).await.unwrap();
        asked.push(row.get::<String, _>(1).parse::<i64>().unwrap());
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    // One of them is this test's.
    assert!(asked[1] - asked[0] <= 1 + 10, "{} statements in five seconds", asked[1] - asked[0]);
}
