//! Subscriptions that are no longer in use.

use ensue::subscription::{Answer, Change, Command, Unhandled};
use ensue::{Error, ErrorKind, Position, Start, Subscriptions};

use crate::backend::{Backend, append_payloads};
use crate::subscriptions::{LONG, NAME, advance, queued, record, registered, take};

const GONE: &str = "anna: refunds are another service's now";

fn assert_is_refused<T: std::fmt::Debug>(tried: Result<T, Error>, part: &str) {
    let error = tried.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains(part), "{error}");
}

/// Its unhandled entries, its entries set aside and its replays are no longer needed.
pub async fn a_retired_subscription_keeps_nothing_from_being_pruned_and_its_record_stays<
    B: Backend,
>(
    backend: &B,
) {
    let store = registered(backend).await;
    append_payloads(&store, &["1", "2", "3", "4"]).await;
    let term = take(&store, "one", LONG).await;
    let set_aside = Change::SetAside(queued(1));
    record(&store, term.epoch, &[set_aside, advance(2)]).await.unwrap();
    let (first, last) = (Position::new(2), Position::new(2));
    let replay = store.request(NAME, &Command::Replay { first, last }, "on call").await.unwrap();
    store.release(NAME, term.epoch).await.unwrap();
    store.register("mails", Start::Head, &[]).await.unwrap();
    store.retire(NAME, GONE).await.unwrap();
    let pruned = store.prune(Position::new(4), Unhandled::Keep).await.unwrap();
    assert_eq!((pruned.oldest, pruned.held_by), (Position::new(5), None));
    let status = store.status(NAME).await.unwrap().unwrap();
    assert_eq!((status.cursor, status.retired.as_deref()), (Position::new(2), Some(GONE)));
    assert_eq!(status.set_aside, [queued(1)]);
    assert!(store.subscriptions().await.unwrap().contains(&NAME.to_owned()));
    let replay = store.find_request(replay).await.unwrap().unwrap();
    assert!(matches!(replay.answer, Some(Answer::Refused { .. })), "{replay:?}");
    assert_eq!(store.pending_requests().await.unwrap(), []);
    let mails = store.status("mails").await.unwrap().unwrap();
    assert_eq!(mails.retired, None);
}

/// A revived subscription continues where it stopped.
pub async fn a_retired_subscription_is_registered_and_run_only_once_it_is_revived<B: Backend>(
    backend: &B,
) {
    let store = registered(backend).await;
    append_payloads(&store, &["1", "2"]).await;
    let term = take(&store, "one", LONG).await;
    record(&store, term.epoch, &[Change::SetAside(queued(1)), advance(1)]).await.unwrap();
    store.release(NAME, term.epoch).await.unwrap();
    store.retire(NAME, GONE).await.unwrap();
    for store in [&store, &backend.open().await] {
        assert_is_refused(store.register(NAME, Start::Beginning, &["new"]).await, GONE);
        assert_is_refused(store.take_over(NAME, "two", LONG).await, GONE);
    }
    store.revive(NAME).await.unwrap();
    store.register(NAME, Start::Head, &["new"]).await.unwrap();
    let term = take(&store, "two", LONG).await;
    assert_eq!((term.cursor, term.set_aside), (Position::new(1), vec![queued(1)]));
    assert_eq!(store.status(NAME).await.unwrap().unwrap().retired, None);
}

/// After the retirement, an owner whose lease has ended cannot record anything either.
pub async fn a_subscription_that_is_run_is_not_retired<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    append_payloads(&store, &["1"]).await;
    let term = take(&store, "one", LONG).await;
    assert_is_refused(store.retire(NAME, GONE).await, "one");
    record(&store, term.epoch, &[advance(1)]).await.unwrap();
    assert_eq!(store.status(NAME).await.unwrap().unwrap().retired, None);
    store.release(NAME, term.epoch).await.unwrap();
    store.retire(NAME, GONE).await.unwrap();
    store.retire(NAME, "once more").await.unwrap();
    assert_eq!(store.status(NAME).await.unwrap().unwrap().retired.as_deref(), Some(GONE));
    let error = record(&store, term.epoch, &[Change::Resume]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Fenced);
    assert_is_refused(store.retire("never registered", GONE).await, "never registered");
}
