//! Logs in which only half of a pass was committed.

use ensue::{BoxError, Event, Finding, Position, raise};
use ensue_mysql::{Events, MysqlStore};
use serde::{Deserialize, Serialize};

use crate::server::{Database, UNSOUND, append, envelopes, texts, whole_log};

#[derive(Event, Serialize, Deserialize)]
struct OrderPlaced {
    order_no: String,
}

/// The first half of a pass.
const HALF_A_PASS: &str = "INSERT INTO ensue_log (
        position, append_id, occurred_at_us, recorded_at_us, version, hops, event_id, causation_id, type,
        `key`, content_type, payload, payload_bytes, correlation_id, trace_context, headers
    )
    SELECT
        (SELECT position FROM ensue_head) + row_number() OVER (ORDER BY id), id, occurred_at_us,
        recorded_at_us, version, hops, event_id, causation_id, type, `key`, content_type, payload,
        payload_bytes, correlation_id, trace_context, headers
    FROM ensue_outbox";

/// Opens a store with three events in the log, and two that wait.
async fn open(database: &Database) -> (MysqlStore, Events) {
    let store = database.store_options().sequence_on_demand().connect().await.unwrap();
    append(&store, &envelopes(0..3)).await;
    assert_eq!(whole_log(&store).await, texts(0..3));
    append(&store, &envelopes(3..5)).await;
    let events = Events::builder(store.clone()).build().await.unwrap();
    (store, events)
}

#[tokio::test]
async fn half_a_pass_is_found_and_completed_where_its_entries_stand() {
    let database = Database::new().await;
    let (store, events) = open(&database).await;
    database.execute(HALF_A_PASS).await;
    let found = events.verify().await.unwrap();
    let beyond = Finding::BeyondHead { head: Position::new(3), first: Position::new(4) };
    assert_eq!(found.findings, [beyond]);
    assert_eq!(store.repair().await.unwrap(), 2);
    assert_eq!(database.ask::<i64>(UNSOUND).await, 0);
    assert!(events.verify().await.unwrap().is_sound());
    append(&store, &envelopes(5..7)).await;
    assert_eq!(whole_log(&store).await, texts(0..7));
    let run = events.run(async |_tx| {
        raise(OrderPlaced { order_no: "A-1".to_owned() });
        Ok::<_, BoxError>(())
    });
    run.await.unwrap();
    assert!(events.verify().await.unwrap().is_sound());
}

#[tokio::test]
async fn a_log_that_is_sound_is_not_changed_by_a_repair() {
    let database = Database::new().await;
    let (store, _) = open(&database).await;
    assert_eq!(store.repair().await.unwrap(), 0);
    assert_eq!(whole_log(&store).await, texts(0..5));
}

/// No pass leaves such a gap.
#[tokio::test]
async fn entries_beyond_the_head_with_a_gap_are_found_and_left_alone() {
    let database = Database::new().await;
    let (store, events) = open(&database).await;
    database.execute(format!("{HALF_A_PASS}; DELETE FROM ensue_log WHERE position = 4")).await;
    let found = events.verify().await.unwrap();
    let beyond = Finding::BeyondHead { head: Position::new(3), first: Position::new(5) };
    assert_eq!(found.findings, [beyond]);
    let refused = store.repair().await.unwrap_err().to_string();
    assert!(refused.contains("1 entries from 4 to 5"), "{refused}");
    assert_eq!(events.verify().await.unwrap().findings.len(), 1);
}
