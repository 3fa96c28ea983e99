//! What is promised of forgetting.

use ensue::store::Page;
use ensue::subscription::{Change, Command, Pruned, Replayed, Unhandled};
use ensue::{ErrorKind, Log, Position, Start, Store, Subscriptions};

use crate::backend::{Backend, append_payloads, payloads};
use crate::subscriptions::{LONG, NAME, advance, queued, record, registered, take};

async fn prune<S: Store>(store: &S, up_to: u64) -> Pruned {
    store.prune(Position::new(up_to), Unhandled::Keep).await.unwrap()
}

fn pruned(oldest: u64, held_by: Option<&str>) -> Pruned {
    Pruned { oldest: Position::new(oldest), held_by: held_by.map(str::to_owned) }
}

async fn oldest_after<L: Log>(log: &L, after: u64) -> Option<u64> {
    let page = Page::new(Position::new(after), 10);
    let error = log.entries(page).await.err()?;
    assert_eq!(error.kind(), ErrorKind::Pruned);
    assert!(!error.is_retryable());
    error.oldest().map(Position::get)
}

/// Never a page that leaves something out.
pub async fn who_reads_what_was_pruned_is_told_the_oldest_position_that_is_left<B: Backend>(
    backend: &B,
) {
    let store = backend.open().await;
    append_payloads(&store, &["1", "2", "3", "4", "5"]).await;
    assert_eq!(prune(&store, 3).await, pruned(4, None));
    for log in [&store, &backend.open().await] {
        assert_eq!(oldest_after(log, 0).await, Some(4));
        assert_eq!(oldest_after(log, 2).await, Some(4));
        assert_eq!(oldest_after(log, 3).await, None);
        assert_eq!(log.entries(Page::new(Position::new(3), 10)).await.unwrap().len(), 2);
        assert_eq!(log.entries(Page::new(Position::START, 0)).await.unwrap().len(), 0);
    }
}

/// A position that was given stands for one event for ever.
pub async fn after_everything_was_pruned_positions_go_on<B: Backend>(backend: &B) {
    let store = backend.open().await;
    append_payloads(&store, &["1", "2", "3"]).await;
    assert_eq!(prune(&store, 1_000).await, pruned(4, None));
    assert_eq!(store.head().await.unwrap(), Position::new(3));
    assert_eq!(oldest_after(&store, 2).await, Some(4));
    append_payloads(&store, &["4"]).await;
    assert_eq!(store.barrier().await.unwrap(), Position::new(4));
    let left = store.entries(Page::new(Position::new(3), 10)).await.unwrap();
    assert_eq!(left[0].position, Position::new(4));
    assert_eq!(prune(&store, 3).await, pruned(4, None));
}

/// Whoever runs it, or nobody.
pub async fn what_a_subscription_has_not_handled_is_kept<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    append_payloads(&store, &["1", "2", "3", "4", "5", "6"]).await;
    assert_eq!(prune(&store, 6).await, pruned(1, Some(NAME)));
    let term = take(&store, "one", LONG).await;
    record(&store, term.epoch, &[advance(5)]).await.unwrap();
    assert_eq!(prune(&store, 2).await, pruned(3, None));
    record(&store, term.epoch, &[Change::SetAside(queued(4))]).await.unwrap();
    assert_eq!(prune(&store, 6).await, pruned(4, Some(NAME)));
    record(&store, term.epoch, &[Change::Settle { position: Position::new(4) }]).await.unwrap();
    store.register("mails", Start::Head, &[]).await.unwrap();
    assert_eq!(prune(&store, 6).await, pruned(6, Some(NAME)));
    assert_eq!(payloads_after(&store, 5).await, ["6"]);
}

async fn payloads_after<L: Log>(log: &L, after: u64) -> Vec<String> {
    let entries = log.entries(Page::new(Position::new(after), 10)).await.unwrap().into_iter();
    entries.map(|entry| String::from_utf8(entry.envelope.payload).unwrap()).collect()
}

/// As far as it has not come.
pub async fn what_is_to_be_replayed_is_kept<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    append_payloads(&store, &["1", "2", "3", "4", "5", "6"]).await;
    let term = take(&store, "one", LONG).await;
    record(&store, term.epoch, &[advance(6)]).await.unwrap();
    let (first, last) = (Position::new(2), Position::new(5));
    let request = store.request(NAME, &Command::Replay { first, last }, "on call").await.unwrap();
    assert_eq!(prune(&store, 6).await, pruned(2, Some(NAME)));
    let replayed = Replayed { up_to: Position::new(4), entries: 3 };
    record(&store, term.epoch, &[Change::Replayed { request, replayed }]).await.unwrap();
    assert_eq!(prune(&store, 6).await, pruned(5, Some(NAME)));
}

/// Somebody has said so.
pub async fn what_is_unhandled_can_be_dropped_by_a_word_that_says_it<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    append_payloads(&store, &["1", "2", "3"]).await;
    let dropped = store.prune(Position::new(2), Unhandled::Drop).await.unwrap();
    assert_eq!(dropped, pruned(3, None));
    assert_eq!(oldest_after(&store, 0).await, Some(3));
}

/// There is no other first one.
pub async fn from_the_beginning_is_from_the_oldest_entry_that_is_left<B: Backend>(backend: &B) {
    let store = backend.open().await;
    append_payloads(&store, &["1", "2", "3"]).await;
    prune(&store, 2).await;
    store.register("some are left", Start::Beginning, &[]).await.unwrap();
    let status = store.status("some are left").await.unwrap().unwrap();
    assert_eq!(status.cursor, Position::new(2));
    store.prune(Position::new(3), Unhandled::Drop).await.unwrap();
    store.register("none is left", Start::Beginning, &[]).await.unwrap();
    let status = store.status("none is left").await.unwrap().unwrap();
    assert_eq!(status.cursor, Position::new(3));
}

/// More than fit into one step.
pub async fn any_number_of_entries_can_be_pruned<B: Backend>(backend: &B) {
    let store = backend.open().await;
    append_payloads(&store, &["x"; 12_000]).await;
    append_payloads(&store, &["the last"]).await;
    assert_eq!(prune(&store, 12_000).await, pruned(12_001, None));
    assert_eq!(payloads_after(&store, 12_000).await, ["the last"]);
}

/// In the order of their names.
pub async fn all_subscriptions_are_known_by_name<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    for name in ["zebra", "Ärger", "mails"] {
        store.register(name, Start::Head, &[]).await.unwrap();
    }
    let mut names = ["mails", NAME, "zebra", "Ärger"].map(str::to_owned);
    names.sort();
    assert_eq!(backend.open().await.subscriptions().await.unwrap(), names);
    assert!(payloads(&store).await.is_empty());
}
