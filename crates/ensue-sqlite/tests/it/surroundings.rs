//! Session state that a unit of work leaves, and the next one must not find.

use ensue::{BoxError, Position, raise};
use ensue_sqlite::Events;
use sqlx::AssertSqlSafe;

use crate::scratch::{OrderPlaced, Scratch, add_effect, effects};

/// Statements whose effects outlast the transaction of a unit of work.
const LEFT: [&str; 12] = [
    "CREATE TEMP TABLE ensue_log (position INTEGER PRIMARY KEY, event_id)",
    "CREATE TEMP TABLE ensue_cursor (subscription, position)",
    "CREATE TEMP VIEW ensue_lease AS SELECT 1 AS until_us",
    "ATTACH ':memory:' AS elsewhere; CREATE TABLE elsewhere.ensue_log (position)",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA ignore_check_constraints = ON",
    "PRAGMA recursive_triggers = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA synchronous = OFF",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA reverse_unordered_selects = ON",
    "PRAGMA query_only = ON",
];

/// Runs `statements` in a unit of work, which may fail.
async fn say(events: &Events, statements: &str) {
    let run = events.run(async |tx| {
        raise(OrderPlaced::of("said", 1));
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut **tx).await?;
        Ok::<_, BoxError>(())
    });
    drop(run.await);
}

#[tokio::test]
async fn whatever_a_unit_of_work_leaves_in_its_session_events_go_to_the_log_and_nowhere_else() {
    for left in LEFT {
        let scratch = Scratch::new();
        let events = scratch.builder().await.build().await.unwrap();
        say(&events, left).await;
        let before = events.head().await.unwrap();
        let next = events.run(async |tx| {
            raise(OrderPlaced::of("next", 1));
            add_effect(tx, "next").await?;
            Ok::<_, BoxError>(())
        });
        next.await.unwrap_or_else(|error| panic!("{left}: {error}"));
        assert_eq!(effects(events.store()).await, ["next"], "{left}");
        assert_eq!(events.head().await.unwrap(), before.next(), "{left}");
        assert!(before <= Position::new(1), "{left}");
        // The view of another process.
        let other = scratch.builder().await.build().await.unwrap();
        assert_eq!(other.head().await.unwrap(), before.next(), "{left}");
        assert_eq!(other.verify().await.unwrap().findings, [], "{left}");
    }
}
