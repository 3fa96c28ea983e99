//! What is promised of requests, and of what owners do for them: pause, resume and seek.

use std::collections::BTreeSet;

use ensue::subscription::{
    Answer, Change, Command, FailureClass, Replayed, Request, RequestId, SetAside, Which,
};
use ensue::{Error, ErrorKind, Position, Start, Store, Subscriptions, Transactions};
use tokio::task::JoinSet;

use crate::backend::Backend;
use crate::subscriptions::{
    LONG, NAME, SHORT, advance, pause, queued, receipt, receipts_of, record, registered, take,
    take_eventually,
};

const DONE: Answer = Answer::Done { changed: 2 };

fn answer(request: RequestId, answer: Answer) -> Change {
    Change::Answer { request, answer }
}

async fn ask<S: Store>(store: &S, command: Command) -> RequestId {
    store.request(NAME, &command, "on call").await.unwrap()
}

async fn find<S: Store>(store: &S, id: RequestId) -> Request {
    store.find_request(id).await.unwrap().unwrap()
}

async fn pending<S: Store>(store: &S) -> Vec<RequestId> {
    let pending = store.pending_requests().await.unwrap();
    assert!(pending.iter().all(|request| request.answer.is_none()));
    pending.into_iter().map(|request| request.id).collect()
}

fn assert_is_final(recorded: Result<(), Error>) {
    let error = recorded.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Store, false));
}

/// Of all subscriptions, for whoever owns them, and whoever asked.
pub async fn requests_are_pending_in_the_order_of_their_numbers_until_they_are_answered<
    B: Backend,
>(
    backend: &B,
) {
    let (store, elsewhere) = (registered(backend).await, backend.open().await);
    store.register("mails", Start::Beginning, &[]).await.unwrap();
    assert_eq!(pending(&store).await, []);
    let mut asked = Vec::new();
    for subscription in [NAME, "mails", NAME, "mails"] {
        asked.push(elsewhere.request(subscription, &Command::Pause, "on call").await.unwrap());
    }
    assert!(asked.is_sorted_by(|one, next| one < next));
    assert_eq!(pending(&store).await, asked);
    let subscriptions = store.pending_requests().await.unwrap();
    let subscriptions = subscriptions.into_iter().map(|request| request.subscription);
    assert_eq!(subscriptions.collect::<Vec<_>>(), [NAME, "mails", NAME, "mails"]);
    let term = take(&store, "one", LONG).await;
    record(&store, term.epoch, &[answer(asked[2], DONE)]).await.unwrap();
    assert_eq!(pending(&elsewhere).await, [asked[0], asked[1], asked[3]]);
    record(&store, term.epoch, &[answer(asked[0], DONE)]).await.unwrap();
    assert_eq!(pending(&elsewhere).await, [asked[1], asked[3]]);
    // A number that was given once is never given again.
    assert!(ask(&store, Command::Resume).await > asked[3]);
}

/// From any number of processes.
pub async fn requests_that_are_made_at_once_all_have_numbers_of_their_own<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let mut asking = JoinSet::new();
    for _ in 0..4 {
        let store = backend.open().await;
        asking.spawn(async move { ask(&store, Command::Pause).await });
    }
    let numbers: BTreeSet<_> = asking.join_all().await.into_iter().collect();
    assert_eq!(numbers.len(), 4);
    assert_eq!(pending(&store).await, Vec::from_iter(numbers));
}

/// Whatever it is about.
pub async fn every_command_comes_back_unchanged<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let mut commands = vec![Command::Pause, Command::Resume];
    commands
        .extend([0, 1, u64::from(u32::MAX) + 1].map(Position::new).map(|to| Command::Seek { to }));
    let (first, last) = (Position::new(1), Position::new(u64::from(u32::MAX) + 1));
    commands.extend([first, last].map(|first| Command::Replay { first, last }));
    for which in every_which() {
        commands.extend([Command::Retry(which.clone()), Command::Skip(which)]);
    }
    let mut asked = Vec::new();
    for command in &commands {
        let reason = format!("'{}' \u{1f4b6}, said Ann", command.name());
        asked.push((store.request(NAME, command, &reason).await.unwrap(), reason));
    }
    let pending = backend.open().await.pending_requests().await.unwrap();
    for ((request, command), (id, reason)) in pending.iter().zip(commands).zip(&asked) {
        assert_eq!((request.id, &request.command), (*id, &command));
        assert_eq!((request.subscription.as_str(), &request.reason), (NAME, reason));
        assert_eq!(find(&store, *id).await, *request);
    }
    assert_eq!(pending.len(), asked.len());
}

fn every_which() -> Vec<Which> {
    let classes = ["handler", "panic", "deadline", "undecodable", "newer", "unknown-type", "crash"];
    let classes = classes.map(|name| Some(name.parse::<FailureClass>().unwrap()));
    let parked = |class| Which::Parked { class, at_most: 10 };
    let mut all: Vec<_> = classes.map(parked).into();
    all.extend([
        parked(None),
        Which::Parked { class: None, at_most: 0 },
        Which::Parked { class: None, at_most: u64::MAX },
        Which::Entry(Position::new(1)),
        Which::Key("A-1 'or' \u{1f4b6}".to_owned()),
        Which::Key(String::new()),
    ]);
    all
}

/// With either answer, for everybody, and for the next owner.
pub async fn an_answered_request_stays_as_the_record_of_it<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let refused = Answer::Refused { why: "entry 7 is not set aside".to_owned() };
    for came_of_it in [DONE, Answer::Done { changed: 0 }, refused] {
        let term = take(&store, "one", LONG).await;
        let id = ask(&store, Command::Retry(Which::Entry(Position::new(7)))).await;
        let asked = find(&store, id).await;
        record(&store, term.epoch, &[answer(id, came_of_it.clone())]).await.unwrap();
        take(&store, "one", LONG).await;
        let answered = Request { answer: Some(came_of_it), ..asked };
        assert_eq!(find(&store, id).await, answered);
        assert_eq!(find(&backend.open().await, id).await, answered);
    }
}

/// The first answer stays.
pub async fn a_request_is_answered_once<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let term = take(&store, "one", LONG).await;
    let id = ask(&store, Command::Pause).await;
    record(&store, term.epoch, &[answer(id, DONE)]).await.unwrap();
    let again = Answer::Refused { why: "it is paused already".to_owned() };
    for again in [DONE, again] {
        assert_is_final(record(&store, term.epoch, &[answer(id, again)]).await);
    }
    assert_eq!(find(&store, id).await.answer, Some(DONE));
}

/// It is nothing to who looks for it, and an error to who answers it.
pub async fn a_request_that_nobody_made_cannot_be_answered<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let term = take(&store, "one", LONG).await;
    let nobodys = RequestId::new(ask(&store, Command::Pause).await.get() + 1);
    assert_eq!(store.find_request(nobodys).await.unwrap(), None);
    assert_is_final(record(&store, term.epoch, &[answer(nobodys, DONE)]).await);
    assert_eq!(store.find_request(nobodys).await.unwrap(), None);
}

/// Only who owns a subscription answers what was asked of it.
pub async fn a_request_of_another_subscription_cannot_be_answered<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let term = take(&store, "one", LONG).await;
    store.register("mails", Start::Beginning, &[]).await.unwrap();
    let others = store.request("mails", &Command::Pause, "on call").await.unwrap();
    assert_is_final(record(&store, term.epoch, &[answer(others, DONE)]).await);
    assert_eq!(pending(&store).await, [others]);
}

/// One transaction.
pub async fn an_answer_is_recorded_with_what_was_done_or_not_at_all<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let term = take(&store, "one", LONG).await;
    let id = ask(&store, Command::Pause).await;
    for commits in [false, true] {
        let mut transaction = store.begin().await.unwrap();
        let changes = [pause(), answer(id, DONE)];
        store.record(&mut transaction, NAME, term.epoch, &changes).await.unwrap();
        if commits {
            store.commit(transaction).await.unwrap();
        } else {
            store.rollback(transaction).await.unwrap();
        }
        let status = store.status(NAME).await.unwrap().unwrap();
        assert_eq!(status.paused.is_some(), commits);
        assert_eq!(find(&store, id).await.answer.is_some(), commits);
        assert_eq!(pending(&store).await.is_empty(), commits);
    }
}

/// The request is left to the owner there is.
pub async fn an_owner_that_was_robbed_answers_nothing<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", SHORT).await;
    let id = ask(&store, Command::Pause).await;
    let second = take_eventually(&store, "two").await;
    let fenced = record(&store, first.epoch, &[answer(id, DONE)]).await.unwrap_err();
    assert_eq!(fenced.kind(), ErrorKind::Fenced);
    assert_eq!(pending(&store).await, [id]);
    record(&store, second.epoch, &[answer(id, DONE)]).await.unwrap();
}

/// With the reason that was given last.
pub async fn a_pause_is_told_to_who_asks_and_to_the_next_owner<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", LONG).await;
    assert!(!first.paused);
    assert_eq!(store.status(NAME).await.unwrap().unwrap().paused, None);
    for reason in ["the gateway moves", "it still does"] {
        let pause = Change::Pause { reason: reason.to_owned() };
        record(&store, first.epoch, &[pause]).await.unwrap();
        let status = backend.open().await.status(NAME).await.unwrap().unwrap();
        assert_eq!(status.paused.as_deref(), Some(reason));
    }
    store.release(NAME, first.epoch).await.unwrap();
    assert!(take(&store, "two", LONG).await.paused);
}

/// Also if there is none.
pub async fn a_resume_ends_a_pause<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", LONG).await;
    for changes in [&[Change::Resume][..], &[pause(), Change::Resume], &[Change::Resume]] {
        record(&store, first.epoch, changes).await.unwrap();
        assert_eq!(store.status(NAME).await.unwrap().unwrap().paused, None);
    }
    assert!(!take(&store, "one", LONG).await.paused);
}

/// And the cursor goes on from there.
pub async fn a_seek_moves_the_cursor_back_and_forth<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", LONG).await;
    record(&store, first.epoch, &[advance(5)]).await.unwrap();
    for to in [2, 0, 9, 9] {
        record(&store, first.epoch, &[Change::Seek { to: Position::new(to) }]).await.unwrap();
        assert_eq!(store.status(NAME).await.unwrap().unwrap().cursor, Position::new(to));
    }
    let second = take(&store, "one", LONG).await;
    assert_eq!(second.cursor, Position::new(9));
    record(&store, second.epoch, &[Change::Seek { to: Position::new(3) }]).await.unwrap();
    record(&store, second.epoch, &[advance(4)]).await.unwrap();
    assert_eq!(store.status(NAME).await.unwrap().unwrap().cursor, Position::new(4));
}

/// What is set aside up to it was passed by the cursor, and is still to be handled.
pub async fn a_seek_drops_receipts_and_what_is_set_aside_after_it<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    for to in [3, 9] {
        let term = take(&store, "one", LONG).await;
        let seek = |to| Change::Seek { to: Position::new(to) };
        let left = [seek(2), receipt(3), receipt(6), receipt(10)];
        record(&store, term.epoch, &left).await.unwrap();
        let entries = [1, 3, 4, 8, 9, 10].map(queued);
        record(&store, term.epoch, &entries.clone().map(Change::SetAside)).await.unwrap();
        record(&store, term.epoch, &[seek(to)]).await.unwrap();
        let next = take(&store, "one", LONG).await;
        assert_eq!(receipts_of(&next), BTreeSet::new());
        let kept = entries.into_iter().filter(|entry| entry.position.get() <= to);
        assert_eq!(next.set_aside, kept.collect::<Vec<SetAside>>());
    }
}

/// So that it goes on from there under the next owner.
pub async fn a_replay_is_told_how_far_it_has_come_until_it_is_answered<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let term = take(&store, "one", LONG).await;
    let (first, last) = (Position::new(2), Position::new(9));
    let id = ask(&store, Command::Replay { first, last }).await;
    assert_eq!(find(&store, id).await.replayed, None);
    for (up_to, entries) in [(1, 0), (5, 3), (9, 7)] {
        let replayed = Replayed { up_to: Position::new(up_to), entries };
        let change = Change::Replayed { request: id, replayed };
        record(&store, term.epoch, &[change]).await.unwrap();
        let pending = backend.open().await.pending_requests().await.unwrap();
        assert_eq!((pending.len(), pending[0].replayed), (1, Some(replayed)));
    }
    record(&store, term.epoch, &[answer(id, Answer::Done { changed: 7 })]).await.unwrap();
    let replayed = Replayed { up_to: last, entries: 7 };
    assert_eq!(find(&store, id).await.replayed, Some(replayed));
    let again = Change::Replayed { request: id, replayed };
    assert_is_final(record(&store, term.epoch, &[again]).await);
}

/// And is then one that is not, once that is recorded.
pub async fn what_is_handled_once_more_comes_back_as_that<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    for is_replay in [true, false, true] {
        let term = take(&store, "one", LONG).await;
        let entry = SetAside { is_replay, ..queued(1) };
        record(&store, term.epoch, &[Change::SetAside(entry.clone())]).await.unwrap();
        assert_eq!(take(&store, "one", LONG).await.set_aside, std::slice::from_ref(&entry));
        assert_eq!(store.status(NAME).await.unwrap().unwrap().set_aside, [entry]);
    }
}
