//! What is promised of the log.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use ensue::store::Page;
use ensue::{CorrelationId, Envelope, EventId, Log, Position, Timestamp, Transactions};
use tokio::task::JoinSet;

use crate::backend::{
    Backend, PATIENCE, append, append_payloads, assert_dense, envelope, payloads, whole_log,
};

/// [`Log::head`] of a log with nothing in it.
pub async fn the_head_of_an_empty_log_is_the_start<B: Backend>(backend: &B) {
    let store = backend.open().await;
    assert_eq!(store.head().await.unwrap(), Position::START);
    assert_eq!(whole_log(&store).await, []);
}

/// [`Log::identity`] belongs to the log, not to the handle.
pub async fn a_log_keeps_its_identity_for_whoever_opens_it<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let identity = store.identity().await.unwrap();
    append_payloads(&store, &["1"]).await;
    assert_eq!(store.identity().await.unwrap(), identity);
    assert_eq!(backend.open().await.identity().await.unwrap(), identity);
}

/// [`Log::identity`] distinguishes logs that look alike.
pub async fn no_two_logs_have_one_identity<B: Backend>(backend: &B) {
    // Dropping a backend may drop its database.
    let elsewhere = B::fresh().await;
    let (store, other) = (backend.open().await, elsewhere.open().await);
    assert_ne!(store.identity().await.unwrap(), other.identity().await.unwrap());
}

/// [`Log::head`] names nothing that cannot be read, also while others append.
pub async fn the_head_is_the_last_entry_that_can_be_read<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let writer = backend.open().await;
    let writing = tokio::spawn(async move {
        for _ in 0..50 {
            append_payloads(&writer, &["1", "2"]).await;
        }
    });
    let mut before = Position::START;
    while before < Position::new(100) {
        let head = store.head().await.unwrap();
        assert!(head >= before, "the head went back");
        let last = whole_log(&store).await.last().map_or(Position::START, |entry| entry.position);
        assert!(last >= head, "the head is {head}, the last entry {last}");
        before = head;
    }
    writing.await.unwrap();
}

/// 1, 2, 3 …
pub async fn positions_are_dense_also_after_rollbacks<B: Backend>(backend: &B) {
    let store = backend.open().await;
    for round in 0..20 {
        let mut transaction = store.begin().await.unwrap();
        store.append(&mut transaction, &[envelope("1"), envelope("2")]).await.unwrap();
        if round % 3 == 0 {
            store.commit(transaction).await.unwrap();
        } else {
            store.rollback(transaction).await.unwrap();
        }
    }
    assert_dense(&store, 14).await;
}

/// An open transaction's entries are its own.
pub async fn an_entry_does_not_appear_before_its_commit<B: Backend>(backend: &B) {
    let (writer, reader) = (backend.open().await, backend.open().await);
    let mut transaction = writer.begin().await.unwrap();
    writer.append(&mut transaction, &[envelope("1")]).await.unwrap();
    for store in [&writer, &reader] {
        assert_eq!(whole_log(store).await, []);
        assert_eq!(store.head().await.unwrap(), Position::START);
    }
    writer.commit(transaction).await.unwrap();
    assert_dense(&reader, 1).await;
}

/// Rolled back in word or by being dropped.
pub async fn an_entry_that_was_rolled_back_never_appears<B: Backend>(backend: &B) {
    let store = backend.open().await;
    for rolled_back_in_word in [true, false] {
        let mut transaction = store.begin().await.unwrap();
        store.append(&mut transaction, &[envelope("\"ghost\"")]).await.unwrap();
        if rolled_back_in_word {
            store.rollback(transaction).await.unwrap();
        } else {
            drop(transaction);
        }
    }
    append_payloads(&store, &["\"real\""]).await;
    assert_eq!(payloads(&store).await, ["\"real\""]);
}

/// Every field, and payload bytes of every kind.
pub async fn an_envelope_comes_back_unchanged<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let mut envelopes: Vec<_> = odd_payloads().into_iter().map(envelope).collect();
    envelopes.push(full_envelope());
    append(&store, &envelopes).await;
    let stored = backend.open().await;
    let read: Vec<_> = whole_log(&stored).await.into_iter().map(|entry| entry.envelope).collect();
    assert_eq!(read, envelopes);
}

fn odd_payloads() -> Vec<Vec<u8>> {
    vec![
        Vec::new(),
        b" { \"b\" : 1.0, \"a\":2,\"a\":3 } \n".to_vec(),
        b"1e400".to_vec(),
        b"0123".to_vec(),
        "{\"name\":\"\u{d55c}\u{ae00} \u{1f600}\"}".as_bytes().to_vec(),
        b"a\0b".to_vec(),
        (0..=255).collect(),
        vec![0xff, 0xfe],
        vec![b'x'; 1_000_000],
    ]
}

fn full_envelope() -> Envelope {
    Envelope {
        id: EventId::now(),
        event_type: Cow::Borrowed("bestellung.g\u{e4}ndert"),
        version: u32::MAX,
        key: Some("k\u{e9}y 'quoted' \"twice\"".to_owned()),
        content_type: Cow::Borrowed("application/octet-stream"),
        payload: b"\x00\x01".to_vec(),
        occurred_at: Timestamp::from_micros(-1),
        correlation_id: CorrelationId::new("request 7"),
        causation_id: Some(EventId::now()),
        hops: 3,
        trace_context: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        headers: BTreeMap::from([("tenant".to_owned(), "\u{1f600}".to_owned())]),
    }
}

/// Whatever their number.
pub async fn entries_of_one_transaction_stand_in_the_order_of_the_append<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let mut expected = Vec::new();
    for size in [1, 2, 7, 8, 9, 63, 64, 65, 1_000] {
        let these: Vec<_> = (0..size).map(|number| format!("[{size},{number}]")).collect();
        let envelopes: Vec<_> = these.iter().map(|payload| envelope(payload.as_str())).collect();
        append(&store, &envelopes).await;
        expected.extend(these);
    }
    assert_eq!(payloads(&store).await, expected);
}

/// Each writer appends how many effects it saw; the log has to show them in that order.
pub async fn a_transaction_stands_after_those_whose_effects_it_could_see<B: Backend>(backend: &B) {
    let mut writers = JoinSet::new();
    for _ in 0..4 {
        let store = backend.open().await;
        writers.spawn(async move {
            for _ in 0..25 {
                let mut transaction = store.begin().await.unwrap();
                B::add_effect(&mut transaction, "seen").await;
                let seen = B::effects(&mut transaction).await.len();
                store.append(&mut transaction, &[envelope(seen.to_string())]).await.unwrap();
                store.commit(transaction).await.unwrap();
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    let expected: Vec<_> = (1..=100).map(|seen| seen.to_string()).collect();
    assert_eq!(payloads(&backend.open().await).await, expected);
}

/// Also while others write.
pub async fn once_read_a_position_shows_the_same_entry_for_ever<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let mut known = Vec::new();
    for round in 0..20 {
        append_payloads(&store, &[&round.to_string()]).await;
        let mut transaction = store.begin().await.unwrap();
        store.append(&mut transaction, &[envelope("ghost")]).await.unwrap();
        store.rollback(transaction).await.unwrap();
        let read = whole_log(&store).await;
        assert_eq!(read[..known.len()], known);
        known = read;
    }
    assert_eq!(known.len(), 20);
}

/// [`Page::rows`] and [`Page::bytes`].
pub async fn a_page_is_bounded_in_rows_and_bytes<B: Backend>(backend: &B) {
    let store = backend.open().await;
    append_payloads(&store, &["0123456789"; 10]).await;
    let page = |rows, bytes| Page { after: Position::new(2), rows, bytes };
    for (page, expected) in [
        (page(3, 1_000), 3..=5),
        (page(100, 1_000), 3..=10),
        (page(100, 25), 3..=5),
        (page(100, 20), 3..=4),
    ] {
        let read = store.entries(page).await.unwrap();
        let positions: Vec<_> = read.iter().map(|entry| entry.position.get()).collect();
        assert_eq!(positions, expected.collect::<Vec<_>>(), "{page:?}");
    }
    assert_eq!(store.entries(page(0, 1_000)).await.unwrap(), []);
}

/// Also by somebody else, and while a transaction is open.
pub async fn behind_a_barrier_stands_whatever_was_committed_before_it<B: Backend>(backend: &B) {
    let store = backend.open().await;
    assert_eq!(store.barrier().await.unwrap(), Position::START);
    for committed in 1..=3 {
        let elsewhere = backend.open().await;
        let mut transaction = elsewhere.begin().await.unwrap();
        elsewhere.append(&mut transaction, &[envelope("1"), envelope("2")]).await.unwrap();
        elsewhere.commit(transaction).await.unwrap();
        assert_eq!(store.barrier().await.unwrap(), Position::new(2 * committed));
        let read = store.entries(Page::new(Position::START, 10)).await.unwrap();
        assert_eq!(read.len() as u64, 2 * committed);
    }
}

/// Otherwise nobody could pass it.
pub async fn an_entry_larger_than_a_page_is_returned_all_the_same<B: Backend>(backend: &B) {
    let store = backend.open().await;
    append_payloads(&store, &["0123456789"; 2]).await;
    let page = Page { after: Position::START, rows: 10, bytes: 1 };
    assert_eq!(store.entries(page).await.unwrap().len(), 1);
}

/// What a follower sees does not depend on how it reads.
pub async fn pages_of_any_size_give_the_same_log<B: Backend>(backend: &B) {
    let store = backend.open().await;
    append(&store, &(0..30).map(|n| envelope(n.to_string())).collect::<Vec<_>>()).await;
    let whole = whole_log(&store).await;
    for rows in [1, 2, 7, 29, 30, 31] {
        let (mut read, mut after) = (Vec::new(), Position::START);
        loop {
            let page = store.entries(Page::new(after, rows)).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.position;
            read.extend(page);
        }
        assert_eq!(read, whole, "in pages of {rows}");
    }
}

/// A consumer may ask for anything.
pub async fn nothing_is_after_the_last_position_there_can_be<B: Backend>(backend: &B) {
    let store = backend.open().await;
    append_payloads(&store, &["1"]).await;
    for after in [1, 2, i64::MAX as u64, u64::MAX] {
        assert_eq!(
            store.entries(Page::new(Position::new(after), 10)).await.unwrap(),
            [],
            "{after}"
        );
    }
}

/// [`Log::changed_elsewhere`], also of appends that follow one another closely.
pub async fn an_append_of_somebody_else_is_noticed<B: Backend>(backend: &B) {
    let (store, other) = (backend.open().await, backend.open().await);
    let writing = tokio::spawn(async move {
        for _ in 0..20 {
            append_payloads(&other, &["1"]).await;
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    });
    // Without the safety net of a poll: only what `changed_elsewhere` says.
    let noticing = async {
        while store.head().await.unwrap() < Position::new(20) {
            store.changed_elsewhere().await;
        }
    };
    tokio::time::timeout(PATIENCE, noticing).await.expect("an append was not noticed");
    writing.await.unwrap();
}

/// [`Log::has_positions_at_commit`]: the position is there, or who committed is told of it when it is.
pub async fn who_commits_finds_the_position_or_is_told_of_it<B: Backend>(backend: &B) {
    let (store, other) = (backend.open().await, backend.open().await);
    for committed in 1..=20 {
        commit_one(&store).await;
        if store.has_positions_at_commit() {
            assert_eq!(store.head().await.unwrap(), Position::new(committed));
            continue;
        }
        // Whoever gives positions need not be in this process.
        let giving = tokio::spawn({
            let other = other.clone();
            async move { other.barrier().await }
        });
        let told = async {
            while store.head().await.unwrap() < Position::new(committed) {
                store.changed_elsewhere().await;
            }
        };
        tokio::time::timeout(PATIENCE, told).await.expect("a position was not told of");
        giving.await.unwrap().unwrap();
    }
}

/// Without a barrier.
async fn commit_one<S: Transactions>(store: &S) {
    let mut transaction = store.begin().await.unwrap();
    store.append(&mut transaction, &[envelope("1")]).await.unwrap();
    store.commit(transaction).await.unwrap();
}
