//! Names are compared byte by byte, and refused if some database has no room for them.

use std::time::Duration;

use ensue::subscription::{Change, Command, Failure, FailureClass, SetAside, TakeOver, Which};
use ensue::{
    AnyEvent, BoxError, CorrelationId, Envelope, Error, ErrorKind, Event, EventId, Events, Inbox,
    NameRule, Origin, Position, Start, Store, Subscriptions, Transactions, Tx, TxHandler, raise,
};
use serde::{Deserialize, Serialize};

use crate::backend::{Backend, append, effects_of, envelope, whole_log};
use crate::subscriptions::{LONG, queued, record, registered, take};

/// Names that differ in their bytes, but are equal under some collation: one that ignores case, accents,
/// width, certain characters, or trailing spaces.
fn alike() -> Vec<String> {
    let mut names: Vec<_> = [
        "refunds",
        "refunds ",
        "refunds  ",
        " refunds",
        "re funds",
        "re-funds",
        "Refunds",
        "REFUNDS",
        "refunds\u{a0}",
        "refunds\u{200b}",
        "r\u{e9}funds",
        "re\u{301}funds",
        "\u{ff52}efunds",
        "stra\u{df}e",
        "strasse",
        "\u{131}d",
        "id",
        "\u{3042}",
        "\u{30a2}",
        "\u{1f600}",
        "\u{1f980}",
        "a_",
        "a%",
        "a\\",
        "a'",
    ]
    .map(str::to_owned)
    .into();
    for last in ["a", "b", "A"] {
        names.push("x".repeat(NameRule::SUBSCRIPTION.bytes_max() - 1) + last);
        names.push("\u{1f600}".repeat(63) + "  " + last);
    }
    names
}

fn number(at: usize) -> Position {
    Position::new(at as u64 + 1)
}

/// Each has its own cursor, owner and entries.
pub async fn names_that_differ_in_a_byte_are_different_subscriptions<B: Backend>(backend: &B) {
    let (store, names) = (backend.open().await, alike());
    let envelopes: Vec<_> = names.iter().map(|_| envelope("1")).collect();
    append(&store, &envelopes).await;
    for (at, name) in names.iter().enumerate() {
        store.register(name, Start::Beginning, &[]).await.unwrap();
        let owner = format!("owner of {at}");
        let taken = store.take_over(name, &owner, LONG).await.unwrap();
        let TakeOver::Granted(term) = taken else { panic!("`{name}` already has an owner") };
        assert_eq!((term.cursor, term.epoch.get()), (Position::START, 1), "{name}");
        let mut transaction = store.begin().await.unwrap();
        let advance = [Change::Advance { to: number(at) }];
        store.record(&mut transaction, name, term.epoch, &advance).await.unwrap();
        store.commit(transaction).await.unwrap();
    }
    let other = backend.open().await;
    for (at, name) in names.iter().enumerate() {
        let status = other.status(name).await.unwrap().unwrap();
        assert_eq!((status.cursor, status.owner), (number(at), Some(format!("owner of {at}"))));
    }
    let mut expected = names;
    expected.sort();
    assert_eq!(other.subscriptions().await.unwrap(), expected);
}

/// Each has its own receipts.
pub async fn names_that_differ_in_a_byte_are_different_consumers<B: Backend>(backend: &B) {
    let (store, id) = (backend.open().await, EventId::now());
    for name in alike() {
        assert!(!store.has_noted(&name, id).await.unwrap(), "{name}");
        assert_eq!(store.suspect(&name, id).await.unwrap(), Some(1), "{name}");
        let mut transaction = store.begin().await.unwrap();
        let new = store.note(&mut transaction, &name, &[id]).await.unwrap();
        assert_eq!(new, [id], "{name}");
        store.commit(transaction).await.unwrap();
    }
    for name in alike() {
        assert_eq!(store.forget(&name, Duration::ZERO).await.unwrap(), 1, "{name}");
    }
}

/// The owner gets all of them.
pub async fn names_that_differ_in_a_byte_are_different_event_types<B: Backend>(backend: &B) {
    let (store, mut names) = (registered(backend).await, alike());
    for name in &names {
        store.register("refunds", Start::Beginning, &[name]).await.unwrap();
    }
    let mut told = take(&store, "first", LONG).await.event_types;
    told.sort();
    names.sort();
    assert_eq!(told, names);
}

/// In the log, in the entries set aside, and in an operator's requests.
pub async fn keys_that_differ_in_a_byte_stay_different<B: Backend>(backend: &B) {
    let (store, mut keys) = (registered(backend).await, alike());
    keys.push("\u{e4}".repeat(NameRule::KEY.bytes_max() / 2));
    let with_key = |key: &String| Envelope { key: Some(key.clone()), ..envelope("1") };
    append(&store, &keys.iter().map(with_key).collect::<Vec<_>>()).await;
    let read = whole_log(&store).await.into_iter();
    let read: Vec<_> = read.filter_map(|entry| entry.envelope.key).collect();
    assert_eq!(read, keys);
    let term = take(&store, "first", LONG).await;
    for (at, key) in keys.iter().enumerate() {
        let aside = SetAside { key: Some(key.clone()), ..queued(number(at).get()) };
        record(&store, term.epoch, &[Change::SetAside(aside)]).await.unwrap();
    }
    let aside = store.status("refunds").await.unwrap().unwrap().set_aside;
    assert_eq!(aside.into_iter().filter_map(|entry| entry.key).collect::<Vec<_>>(), keys);
    for key in keys {
        let command = Command::Retry(Which::Key(key));
        let id = store.request("refunds", &command, "on call").await.unwrap();
        assert_eq!(store.find_request(id).await.unwrap().unwrap().command, command);
    }
}

/// The message has characters that no column can hold.
pub async fn a_failure_in_any_words_is_recorded<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    append(&store, &[envelope("1")]).await;
    let term = take(&store, "first", LONG).await;
    let mut entry = queued(1);
    entry.failure = Some(Failure::new(FailureClass::Handler, "a\0b \u{1f980}\u{ffff}"));
    record(&store, term.epoch, &[Change::SetAside(entry)]).await.unwrap();
    let aside = store.status("refunds").await.unwrap().unwrap().set_aside;
    let message = aside[0].failure.as_ref().map(|failure| &*failure.message);
    assert_eq!(message, Some("a\u{fffd}b \u{1f980}\u{ffff}"));
}

#[derive(Event, Serialize, Deserialize)]
#[event(type = "order.placed", key = order_no)]
struct Placed {
    order_no: String,
}

struct Ignore;

impl<S: Store> TxHandler<AnyEvent, S> for Ignore {
    async fn handle(&self, _: &AnyEvent, _: &ensue::Meta, _: &mut Tx<S>) -> Result<(), BoxError> {
        Ok(())
    }
}

fn assert_says(error: &Error, kind: ErrorKind, words: &str) {
    assert_eq!((error.kind(), error.is_retryable()), (kind, false), "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

/// The name never reaches the database.
pub async fn a_name_that_breaks_its_rule_is_refused_with_words<B: Backend>(backend: &B) {
    let long = "x".repeat(NameRule::SUBSCRIPTION.bytes_max() + 1);
    for (name, fault) in [
        (&*long, "is 256 bytes long; use 1 to 255 bytes"),
        ("refunds ", "subscription `refunds ` has a space at an end"),
        ("re\0funds", "subscription `re\\0funds` has the control character U+0000"),
        ("", "subscription `` is empty"),
    ] {
        let builder = Events::builder(backend.open().await);
        let built = builder.subscription(name, |subscription| subscription.on_any(Ignore));
        let error = built.build().await.err().unwrap();
        assert_says(&error, ErrorKind::Configuration, fault);
    }
    let events = Events::builder(backend.open().await)
        .subscription("refunds", |subscription| subscription.on_any(Ignore))
        .build()
        .await
        .unwrap();
    let once = events.run(async |tx| tx.once(&long, EventId::now()).await).await;
    assert_says(&once.unwrap_err(), ErrorKind::Name, "is 256 bytes long; use 1 to 255 bytes");
    let forgotten = events.forget_receipts("a\0", Duration::ZERO).await;
    assert_says(&forgotten.unwrap_err(), ErrorKind::Name, "U+0000");
    let unknown = events.status("a\0").await.unwrap_err();
    assert_says(&unknown, ErrorKind::UnknownSubscription, "`a\\0`");
    let refunds = events.operate("refunds");
    let paused = refunds.pause("by\0").await.err().unwrap();
    assert_says(&paused, ErrorKind::Name, "reason `by\\0` has the control character U+0000");
    let skipped = refunds.skip(Which::Key("a\0".to_owned()), "on call").await.err().unwrap();
    assert_says(&skipped, ErrorKind::Name, "key `a\\0` has the control character U+0000");
}

/// The whole unit of work fails, and the next one starts clean.
pub async fn an_event_whose_names_break_a_rule_is_not_stored<B: Backend>(backend: &B) {
    let events = Events::builder(backend.open().await).build().await.unwrap();
    let place = async |order_no: &str| {
        let order_no = order_no.to_owned();
        let run = events.run(async move |tx| {
            B::add_effect(tx, "placed").await;
            raise(Placed { order_no });
            Ok::<_, Error>(())
        });
        run.await
    };
    for (key, fault) in [
        ("A\0", "key `A\\0` has the control character U+0000"),
        ("", "key `` is empty"),
        (&*"x".repeat(1_025), "is 1025 bytes long; use 1 to 1024 bytes"),
    ] {
        assert_says(&place(key).await.unwrap_err(), ErrorKind::Payload, fault);
    }
    let mut origin = Origin::default();
    origin.correlation_id = Some(CorrelationId::new("a\0"));
    let refused = origin.scope(place("A-1")).await.unwrap_err();
    assert_says(&refused, ErrorKind::Payload, "correlation id `a\\0` has the control character");
    let mut origin = Origin::default();
    origin.headers.insert("token".to_owned(), "secret\0".to_owned());
    let refused = origin.scope(place("A-1")).await.unwrap_err();
    assert_says(&refused, ErrorKind::Payload, "the value of header `token` has the control");
    assert!(!refused.to_string().contains("secret"), "{refused}");
    place(" A-1 ").await.unwrap();
    let log = whole_log(events.store()).await;
    assert_eq!((log.len(), log[0].envelope.key.as_deref()), (1, Some(" A-1 ")));
    assert_eq!(effects_of::<B>(events.store()).await, ["placed"]);
}
