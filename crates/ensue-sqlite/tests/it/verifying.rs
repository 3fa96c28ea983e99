//! What is wrong in a database is found, and where.

use ensue::{Finding, Position};
use ensue_sqlite::Events;
use sqlx::{AssertSqlSafe, ConnectOptions};

use crate::scratch::{Scratch, note, place_all, shut_down, until};

/// An application that has handled five orders and set a sixth aside.
async fn application(scratch: &Scratch) -> Events {
    let events = scratch.builder().await.subscribe("notes", note).build().await.unwrap();
    let forwarder = events.forward();
    place_all(&events, &["A", "B", "C", "D", "E"]).await;
    until(async || events.status("notes").await.unwrap().cursor == Position::new(5)).await;
    shut_down(forwarder).await;
    events
}

/// Behind everybody's back.
async fn tamper(scratch: &Scratch, statement: &str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(scratch.path());
    let mut connection = options.connect().await.unwrap();
    let statement = AssertSqlSafe(statement.to_owned());
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
}

async fn findings(events: &Events) -> Vec<String> {
    let verification = events.verify().await.unwrap();
    assert_eq!(verification.is_sound(), verification.findings.is_empty());
    verification.findings.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn what_was_never_tampered_with_is_sound() {
    let scratch = Scratch::new();
    let events = application(&scratch).await;
    let verification = events.verify().await.unwrap();
    assert_eq!(verification.to_string(), "5 entries from 1 to 5, 1 subscriptions: sound");
    events.prune(Position::new(3)).await.unwrap();
    let verification = events.verify().await.unwrap();
    assert_eq!(verification.to_string(), "2 entries from 4 to 5, 1 subscriptions: sound");
    events.prune(Position::new(5)).await.unwrap();
    let verification = events.verify().await.unwrap();
    assert_eq!(verification.to_string(), "0 entries from 6 to 5, 1 subscriptions: sound");
}

#[tokio::test]
async fn an_empty_log_is_sound() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.build().await.unwrap();
    let verification = events.verify().await.unwrap();
    assert_eq!(verification.to_string(), "0 entries from 1 to 0, 0 subscriptions: sound");
}

#[tokio::test]
async fn entries_that_are_missing_are_found_where_they_were() {
    let scratch = Scratch::new();
    let events = application(&scratch).await;
    tamper(&scratch, "DELETE FROM ensue_log WHERE position IN (2, 3, 5)").await;
    assert_eq!(findings(&events).await, ["no entries from 2 to 3", "no entries from 5 to 5"]);
}

#[tokio::test]
async fn an_event_id_that_stands_twice_is_found_with_both_positions() {
    let scratch = Scratch::new();
    let events = application(&scratch).await;
    tamper(
        &scratch,
        "UPDATE ensue_log SET event_id = (SELECT event_id FROM ensue_log WHERE position = 2)
         WHERE position = 4",
    )
    .await;
    let verification = events.verify().await.unwrap();
    let [Finding::DuplicateEventId { first, second, .. }] = verification.findings[..] else {
        panic!("{verification}");
    };
    assert_eq!((first, second), (Position::new(2), Position::new(4)));
}

#[tokio::test]
async fn an_effect_before_its_cause_is_found() {
    let scratch = Scratch::new();
    let events = application(&scratch).await;
    tamper(
        &scratch,
        "UPDATE ensue_log SET causation_id = (SELECT event_id FROM ensue_log WHERE position = 4)
         WHERE position = 2",
    )
    .await;
    assert_eq!(findings(&events).await, ["entry 2 stands before its cause at 4"]);
}

#[tokio::test]
async fn cursors_and_entries_set_aside_that_point_nowhere_are_found() {
    let scratch = Scratch::new();
    let events = application(&scratch).await;
    tamper(
        &scratch,
        "UPDATE ensue_cursor SET position = 9;
         INSERT INTO ensue_set_aside (subscription, position, state, attempts, since_us, changed_at_us)
         VALUES ('notes', 8, 'parked', 1, 0, 0)",
    )
    .await;
    let expected = [
        "the cursor of `notes` is at 9, beyond the end of the log",
        "`notes` has set entry 8 aside, which is not in the log",
    ];
    assert_eq!(findings(&events).await, expected);
    tamper(&scratch, "UPDATE ensue_cursor SET position = 1; DELETE FROM ensue_set_aside").await;
    events.prune_even_unhandled(Position::new(3)).await.unwrap();
    let expected = ["`notes` has come to 1, and what follows was pruned"];
    assert_eq!(findings(&events).await, expected);
}

#[tokio::test]
async fn a_subscription_that_comes_to_what_was_pruned_is_paused_until_it_is_set_beyond() {
    let scratch = Scratch::new();
    let events = scratch.builder().await.subscribe("notes", note).build().await.unwrap();
    place_all(&events, &["A", "B", "C"]).await;
    assert_eq!(events.prune(Position::new(3)).await.unwrap().held_by.as_deref(), Some("notes"));
    events.prune_even_unhandled(Position::new(2)).await.unwrap();
    let forwarder = events.forward();
    until(async || events.status("notes").await.unwrap().paused.is_some()).await;
    let reason = events.status("notes").await.unwrap().paused.unwrap();
    assert_eq!(reason, "entries after 0 are not in the log any more; seek to 2 to go on");
    let operator = events.operate("notes");
    operator.seek(Position::new(2), "anna: they were tests").await.unwrap();
    operator.resume("anna: they were tests").await.unwrap();
    crate::scratch::handled_all(&events, "notes").await;
    assert_eq!(crate::scratch::effects(events.store()).await, ["C"]);
    shut_down(forwarder).await;
}
