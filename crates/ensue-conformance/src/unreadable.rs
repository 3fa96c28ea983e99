//! Entries that cannot be read.

use ensue::store::{Page, UnreadableEntry, position_of};
use ensue::subscription::{Change, Command, FailureClass, SetAside, SetAsideState};
use ensue::{Envelope, Finding, Handled, Inbox, Log, Position, Start, Subscriptions};

use crate::backend::{Backend, PATIENCE, append, append_payloads, effects_of, envelope};
use crate::forwarding::{builder, place};
use crate::inbox::{CONSUMER, bury, exhume, letter, message, undated};
use crate::subscriptions::{LONG, NAME, queued, record, registered, take};

const SECOND: Position = Position::new(2);

/// [`Log::read`] is total, page by page and entry by entry.
pub async fn an_entry_that_cannot_be_read_stands_in_its_place_among_the_others<B: Backend>(
    backend: &B,
) {
    let store = backend.open().await;
    append_payloads(&store, &["1", "2", "3"]).await;
    backend.make_unreadable(SECOND).await;
    for rows in [1, 2, 100] {
        let (mut after, mut read) = (Position::START, Vec::new());
        while let page = store.read(Page::new(after, rows)).await.unwrap()
            && !page.is_empty()
        {
            after = Position::new(after.get() + page.len() as u64);
            read.extend(page);
        }
        let [Ok(first), Err(unreadable), Ok(third)] = &read[..] else { panic!("{read:?}") };
        assert_eq!((&*first.envelope.payload, &*third.envelope.payload), (&b"1"[..], &b"3"[..]));
        let UnreadableEntry { position, event_type, key, reason, .. } = unreadable;
        assert_eq!(*position, SECOND);
        assert_eq!((event_type.as_deref(), key.as_deref()), (Some("order.placed"), Some("A-1")));
        assert!(!reason.is_empty());
    }
    let refused = store.entries(Page::new(Position::START, 100)).await.unwrap_err();
    assert!(refused.to_string().contains("entry 2 cannot be read"), "{refused}");
    assert_eq!(store.entries(Page::new(SECOND, 100)).await.unwrap().len(), 1);
}

/// A subscription parks it at once. Later entries of its key wait behind it, as behind any parked entry.
pub async fn an_entry_that_cannot_be_read_is_set_aside_and_holds_up_its_key_alone<B: Backend>(
    backend: &B,
) {
    let store = backend.open().await;
    let mut of_no_key = envelope(r#"{"order_no":"keyless"}"#);
    of_no_key.key = None;
    let of_another = Envelope { event_type: "order.archived".into(), ..envelope("4") };
    let order = || envelope(r#"{"order_no":"A-1"}"#);
    append(&store, &[of_no_key, order(), order(), of_another]).await;
    for position in [2, 4] {
        backend.make_unreadable(Position::new(position)).await;
    }
    let events = builder::<B>(store, 1).build().await.unwrap();
    let forwarder = events.forward();
    place::<B>(&events, 5..7).await;
    let ticket = events.ticket().await.unwrap();
    assert_eq!(ticket.handled_by("notes", PATIENCE).await.unwrap(), Handled::SetAside);
    assert_eq!(effects_of::<B>(events.store()).await, ["keyless", "A-005", "A-006"]);
    let status = events.status("notes").await.unwrap();
    let [parked, queued] = &status.set_aside[..] else { panic!("{status:?}") };
    assert_is_parked(parked);
    assert_eq!((queued.position, queued.state), (Position::new(3), SetAsideState::Queued));
    assert!(forwarder.shutdown(PATIENCE).await);
}

fn assert_is_parked(entry: &SetAside) {
    assert_eq!((entry.position, entry.state), (SECOND, SetAsideState::Parked));
    assert_eq!(entry.key.as_deref(), Some("A-1"));
    let failure = entry.failure.as_ref().unwrap();
    assert_eq!(failure.class, FailureClass::Unreadable);
    assert!(failure.message.starts_with("entry 2 cannot be read: "), "{}", failure.message);
}

/// The subscription has several lanes.
pub async fn entries_that_cannot_be_read_hold_up_no_lane<B: Backend>(backend: &B) {
    let events = builder::<B>(backend.open().await, 8).build().await.unwrap();
    place::<B>(&events, 0..40).await;
    events.store().barrier().await.unwrap();
    for position in [1, 20, 40] {
        backend.make_unreadable(Position::new(position)).await;
    }
    let forwarder = events.forward();
    let ticket = events.ticket().await.unwrap();
    assert_eq!(ticket.handled_by("notes", PATIENCE).await.unwrap(), Handled::SetAside);
    assert_eq!(effects_of::<B>(events.store()).await.len(), 37);
    let status = events.status("notes").await.unwrap();
    let parked = status.set_aside.iter().map(|entry| entry.position.get());
    assert_eq!(parked.collect::<Vec<_>>(), [1, 20, 40]);
    assert!(forwarder.shutdown(PATIENCE).await);
}

/// The finding has the position and the reason, and other findings are still reported.
pub async fn an_entry_that_cannot_be_read_is_found_by_verification<B: Backend>(backend: &B) {
    let store = backend.open().await;
    append_payloads(&store, &["1", "2", "3"]).await;
    backend.make_unreadable(SECOND).await;
    let events = builder::<B>(store, 1).build().await.unwrap();
    let verification = events.verify().await.unwrap();
    assert_eq!(verification.entries, 3);
    let [Finding::Unreadable { position: SECOND, reason }] = &verification.findings[..] else {
        panic!("{verification}");
    };
    let found = verification.findings[0].to_string();
    assert_eq!(found, format!("entry 2 cannot be read: {reason}"));
}

/// Invalid values for each column. Not every database can hold all of them.
const OF_THE_LOG: [(&str, &str); 26] = [
    ("recorded_at_us", "-9223372036854775808"),
    ("occurred_at_us", "9223372036854775807"),
    ("event_id", "''"),
    ("event_id", "'not an id'"),
    ("event_id", "CAST(x'ff' AS TEXT)"),
    ("type", "''"),
    ("type", "CAST(x'ff' AS TEXT)"),
    ("version", "-1"),
    ("version", "4294967296"),
    ("key", "CAST(x'ff' AS TEXT)"),
    ("content_type", "CAST(x'ff' AS TEXT)"),
    ("payload", "NULL"),
    ("payload", "3"),
    ("payload", "3.5"),
    ("correlation_id", "CAST(x'ff' AS TEXT)"),
    ("causation_id", "'not an id'"),
    ("hops", "-1"),
    ("hops", "9223372036854775807"),
    ("trace_context", "CAST(x'ff' AS TEXT)"),
    ("headers", "''"),
    ("headers", "'null'"),
    ("headers", "'{\"actor\":3}'"),
    ("headers", "'{\"actor\":{}}'"),
    ("headers", "'[\"actor\"]'"),
    ("headers", "'{\"actor\":'"),
    ("headers", "CAST(x'ff' AS TEXT)"),
];

/// The good rows surround each bad one.
pub async fn whatever_is_wrong_in_a_row_of_the_log_the_others_are_read<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let payloads: Vec<_> = (0..=2 * OF_THE_LOG.len()).map(|number| number.to_string()).collect();
    append_payloads(&store, &payloads.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut position = 0;
    for (column, value) in OF_THE_LOG {
        position += 2;
        let change = format!("UPDATE ensue_log SET {column} = {value} WHERE position = {position}");
        backend.tamper(&change).await;
    }
    let read = store.read(Page::new(Position::START, 1_000)).await.unwrap();
    assert_eq!(read.len(), payloads.len());
    for (payload, (place, read)) in payloads.iter().zip((1..).zip(&read)) {
        assert_eq!(position_of(read).get(), place);
        match read {
            Ok(entry) if place % 2 == 1 => assert_eq!(entry.envelope.payload, payload.as_bytes()),
            Err(unreadable) if place % 2 == 1 => panic!("{unreadable}"),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Both the operator and the next owner read them.
pub async fn whatever_is_wrong_in_a_row_that_is_set_aside_the_others_are_read<B: Backend>(
    backend: &B,
) {
    let store = registered(backend).await;
    let epoch = take(&store, "one", LONG).await.epoch;
    let entries: Vec<_> = (1..=13).map(queued).collect();
    let changes: Vec<_> = entries.iter().cloned().map(Change::SetAside).collect();
    record(&store, epoch, &changes).await.unwrap();
    for (position, change) in (2..).step_by(2).zip([
        "attempts = -1",
        "attempts = 4294967296",
        "failure_class = 'eaten'",
        "failure_class = CAST(x'ff' AS TEXT)",
        "failure_message = CAST(x'ff' AS TEXT), failure_class = 'handler'",
        "state = 'resting'",
    ]) {
        let statement = format!("UPDATE ensue_set_aside SET {change} WHERE position = {position}");
        backend.tamper(&statement).await;
    }
    let status = store.status(NAME).await.unwrap().unwrap();
    for found in [status.set_aside, take(&store, "one", LONG).await.set_aside] {
        assert_eq!(found.len(), entries.len());
        for (found, entry) in found.iter().zip(&entries) {
            assert_eq!((found.position, &found.key), (entry.position, &entry.key));
            assert!(entry.position.get() % 2 == 0 || found == entry, "{found:?}");
        }
    }
}

/// A request that cannot be read is still found, so that it can be refused.
pub async fn whatever_is_wrong_in_a_request_the_others_are_read<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let mut asked = Vec::new();
    for change in [
        "command = 'seek'",
        "command = 'retry', at_most = -1",
        "command = 'skip', failure_class = 'eaten'",
        "replayed_up_to = 1, replayed_entries = -1",
        "reason = CAST(x'ff' AS TEXT)",
        "command = 'rewind'",
    ] {
        asked.push(store.request(NAME, &Command::Pause, "good").await.unwrap());
        let bad = store.request(NAME, &Command::Resume, "bad").await.unwrap();
        let statement = format!("UPDATE ensue_request SET {change} WHERE id = {}", bad.get());
        let is_changed = backend.tamper(&statement).await;
        let found = store.find_request(bad).await.unwrap().unwrap();
        let is_unreadable = matches!(found.command, Command::Unreadable { .. });
        assert!(!is_changed || is_unreadable || change.starts_with("reason"), "{found:?}");
    }
    let pending = store.pending_requests().await.unwrap();
    assert_eq!(pending.len(), 2 * asked.len());
    let good = pending.into_iter().filter(|request| request.reason == "good");
    assert_eq!(good.map(|request| request.id).collect::<Vec<_>>(), asked);
}

/// Owners and standbys are still listed.
pub async fn whatever_is_wrong_in_a_name_the_others_are_read<B: Backend>(backend: &B) {
    let store = backend.open().await;
    for subscription in ["mails", NAME, "refusals"] {
        store
            .register(subscription, Start::Beginning, &["order.placed", "order.paid"])
            .await
            .unwrap();
        store.take_over(subscription, "one", LONG).await.unwrap();
    }
    for statement in [
        "UPDATE ensue_owner SET owner = CAST(x'ff' AS TEXT) WHERE subscription = 'mails'",
        "UPDATE ensue_event_type SET event_type = CAST(x'ff' AS TEXT) WHERE event_type = 'order.paid'",
        "INSERT INTO ensue_cursor VALUES (CAST(x'ff' AS TEXT), 1, 1)",
    ] {
        backend.tamper(statement).await;
    }
    let claims = store.claims().await.unwrap();
    assert!(claims.iter().any(|claim| claim.subscription == NAME && claim.owner == "one"));
    assert!(store.subscriptions().await.unwrap().iter().any(|name| name == NAME));
    assert!(store.status("mails").await.unwrap().is_some());
    let event_types = take(&store, "one", LONG).await.event_types;
    assert!(event_types.iter().any(|name| name == "order.placed"), "{event_types:?}");
}

/// A letter whose message cannot be read holds an unreadable message.
pub async fn whatever_is_wrong_in_a_dead_letter_the_others_are_read<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let mut dead: Vec<_> = (0..15).map(|_| letter(Ok(message("{}")))).collect();
    dead.sort_by_key(|letter| letter.id);
    for letter in &dead {
        bury(&store, CONSUMER, letter).await;
    }
    for (bad, change) in dead.iter().skip(1).step_by(2).zip([
        "message = '{}'",
        "message = ''",
        "failure_class = 'eaten'",
        "attempts = -1",
        "body = 3",
        "failure_message = CAST(x'ff' AS TEXT)",
        "event_id = '0'",
    ]) {
        let id = bad.id;
        backend
            .tamper(&format!("UPDATE ensue_dead_letter SET {change} WHERE event_id = '{id}'"))
            .await;
    }
    for limit in [1, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        while let page = store.dead_letters(CONSUMER, after, limit).await.unwrap()
            && let Some(last) = page.last()
        {
            after = Some(last.id);
            found.extend(page.into_iter().map(undated));
        }
        let good: Vec<_> = dead.iter().step_by(2).cloned().collect();
        assert_eq!(found.iter().filter(|letter| good.contains(letter)).count(), good.len());
        assert!(found.len() + 1 >= dead.len(), "only the letter without an id may be missing");
    }
    let mended = exhume(&store, CONSUMER, dead[1].id).await.unwrap();
    assert_eq!((mended.id, mended.attempts), (dead[1].id, dead[1].attempts));
}
