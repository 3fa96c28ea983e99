//! What is promised of owners, leases, cursors and what is set aside.

use std::collections::BTreeSet;
use std::time::Duration;

use ensue::store::Page;
use ensue::subscription::{
    Change, Epoch, Failure, FailureClass, SetAside, SetAsideState, TakeOver, Term,
};
use ensue::{
    Error, ErrorKind, Log, Position, Start, Store, Subscriptions, Timestamp, Transactions,
};
use tokio::task::JoinSet;

use crate::backend::{Backend, PATIENCE, append_payloads, effects_of};

pub(crate) const NAME: &str = "refunds";

/// Longer than any test.
pub(crate) const LONG: Duration = Duration::from_secs(3_600);

/// Over as soon as it has begun.
pub(crate) const SHORT: Duration = Duration::from_millis(1);

pub(crate) async fn registered<B: Backend>(backend: &B) -> B::Store {
    let store = backend.open().await;
    store.register(NAME, Start::Beginning, &[]).await.unwrap();
    store
}

pub(crate) async fn take<S: Store>(store: &S, owner: &str, lease: Duration) -> Term {
    match store.take_over(NAME, owner, lease).await.unwrap() {
        TakeOver::Granted(term) => term,
        TakeOver::Held { owner: other, .. } => panic!("{owner} was refused for {other}"),
    }
}

/// Takes over as soon as the lease before has run out.
pub(crate) async fn take_eventually<S: Store>(store: &S, owner: &str) -> Term {
    let asking = async {
        loop {
            if let TakeOver::Granted(term) = store.take_over(NAME, owner, LONG).await.unwrap() {
                return term;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("the lease did not run out")
}

pub(crate) async fn record<S: Store>(
    store: &S,
    epoch: Epoch,
    changes: &[Change],
) -> Result<(), Error> {
    let mut transaction = store.begin().await.unwrap();
    store.record(&mut transaction, NAME, epoch, changes).await?;
    store.commit(transaction).await
}

async fn cursor<S: Store>(store: &S) -> Position {
    store.status(NAME).await.unwrap().unwrap().cursor
}

pub(crate) fn advance(to: u64) -> Change {
    Change::Advance { to: Position::new(to) }
}

pub(crate) fn receipt(position: u64) -> Change {
    Change::Receipt { position: Position::new(position) }
}

/// Whatever the order is that a store gives them in.
pub(crate) fn receipts_of(term: &Term) -> BTreeSet<u64> {
    term.receipts.iter().map(|position| position.get()).collect()
}

pub(crate) fn queued(position: u64) -> SetAside {
    SetAside {
        position: Position::new(position),
        key: Some("A-1".to_owned()),
        state: SetAsideState::Queued,
        attempts: 0,
        failure: None,
        is_replay: false,
    }
}

/// [`Start::Head`].
pub async fn a_subscription_starts_after_the_last_entry<B: Backend>(backend: &B) {
    let store = backend.open().await;
    store.register("of an empty log", Start::Head, &[]).await.unwrap();
    append_payloads(&store, &["1", "2", "3"]).await;
    store.register(NAME, Start::Head, &[]).await.unwrap();
    assert_eq!(cursor(&store).await, Position::new(3));
    let empty = store.status("of an empty log").await.unwrap().unwrap();
    assert_eq!(empty.cursor, Position::START);
}

/// [`Start::Beginning`].
pub async fn a_subscription_can_start_with_the_first_entry<B: Backend>(backend: &B) {
    let store = backend.open().await;
    append_payloads(&store, &["1", "2", "3"]).await;
    store.register(NAME, Start::Beginning, &[]).await.unwrap();
    assert_eq!(cursor(&store).await, Position::START);
}

/// Every start of the program registers.
pub async fn registering_again_leaves_the_cursor_where_it_is<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let term = take(&store, "one", LONG).await;
    record(&store, term.epoch, &[advance(1)]).await.unwrap();
    append_payloads(&store, &["1", "2", "3"]).await;
    let mut others = JoinSet::new();
    for start in [Start::Head, Start::Beginning, Start::Head] {
        let store = backend.open().await;
        others.spawn(async move { store.register(NAME, start, &[]).await });
    }
    while let Some(ended) = others.join_next().await {
        ended.unwrap().unwrap();
    }
    assert_eq!(cursor(&store).await, Position::new(1));
}

/// It is nothing, and no error.
pub async fn who_never_registered_has_no_status<B: Backend>(backend: &B) {
    let store = backend.open().await;
    assert_eq!(store.status("nobody").await.unwrap(), None);
    assert!(store.take_over("nobody", "one", LONG).await.is_err());
}

/// The others are told who.
pub async fn of_many_who_ask_one_becomes_the_owner<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let mut asking = JoinSet::new();
    for owner in ["one", "two", "three", "four"] {
        let store = backend.open().await;
        asking.spawn(async move { (owner, store.take_over(NAME, owner, LONG).await.unwrap()) });
    }
    let (mut granted, mut held_by) = (Vec::new(), Vec::new());
    while let Some(answer) = asking.join_next().await {
        match answer.unwrap() {
            (owner, TakeOver::Granted(_)) => granted.push(owner.to_owned()),
            (_, TakeOver::Held { owner, remaining }) => {
                assert!(remaining <= LONG);
                held_by.push(owner);
            }
        }
    }
    assert_eq!((granted.len(), held_by.len()), (1, 3));
    assert!(held_by.iter().all(|owner| *owner == granted[0]));
    assert_eq!(store.status(NAME).await.unwrap().unwrap().owner, granted.pop());
}

/// An owner that starts over is fenced off from what it left behind.
pub async fn a_take_over_begins_a_higher_epoch_also_for_the_same_owner<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", LONG).await;
    let second = take(&store, "one", LONG).await;
    assert!(second.epoch > first.epoch);
    let fenced = record(&store, first.epoch, &[advance(1)]).await.unwrap_err();
    assert_eq!(fenced.kind(), ErrorKind::Fenced);
    record(&store, second.epoch, &[advance(1)]).await.unwrap();
}

/// A process that died keeps nothing for ever.
pub async fn a_lease_that_ran_out_can_be_taken_over<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", SHORT).await;
    let second = take_eventually(&store, "two").await;
    assert!(second.epoch > first.epoch);
}

/// From the renewal on.
pub async fn a_renewed_lease_runs_on<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let term = take(&store, "one", SHORT).await;
    assert!(store.renew(NAME, term.epoch, LONG).await.unwrap());
    let other = store.take_over(NAME, "two", LONG).await.unwrap();
    assert!(matches!(other, TakeOver::Held { .. }));
}

/// Its owner has been robbed, and must learn it.
pub async fn an_epoch_that_is_over_cannot_be_renewed<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", SHORT).await;
    let second = take_eventually(&store, "two").await;
    assert!(!store.renew(NAME, first.epoch, LONG).await.unwrap());
    assert!(store.renew(NAME, second.epoch, LONG).await.unwrap());
}

/// A hand-over takes no time.
pub async fn a_released_lease_is_free_at_once<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", LONG).await;
    store.release(NAME, first.epoch).await.unwrap();
    assert_eq!(store.status(NAME).await.unwrap().unwrap().owner, None);
    let second = take(&store, "two", LONG).await;
    assert!(second.epoch > first.epoch);
}

/// A resignation that arrives late is of no account.
pub async fn releasing_an_epoch_that_is_over_changes_nothing<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", SHORT).await;
    take_eventually(&store, "two").await;
    store.release(NAME, first.epoch).await.unwrap();
    let third = store.take_over(NAME, "three", LONG).await.unwrap();
    assert!(matches!(third, TakeOver::Held { owner, .. } if owner == "two"));
}

/// One transaction.
pub async fn progress_is_recorded_with_the_effect_or_not_at_all<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let term = take(&store, "one", LONG).await;
    for (commits, effects, position) in [(false, 0, 0), (true, 1, 1)] {
        let mut transaction = store.begin().await.unwrap();
        B::add_effect(&mut transaction, "refunded").await;
        store.record(&mut transaction, NAME, term.epoch, &[advance(1)]).await.unwrap();
        if commits {
            store.commit(transaction).await.unwrap();
        } else {
            store.rollback(transaction).await.unwrap();
        }
        assert_eq!(effects_of::<B>(&store).await.len(), effects);
        assert_eq!(cursor(&store).await, Position::new(position));
    }
}

/// The effect of an owner that was stopped and woke up again is rolled back with it.
pub async fn an_owner_that_was_robbed_is_fenced<B: Backend>(backend: &B) {
    let (store, thief) = (registered(backend).await, backend.open().await);
    let first = take(&store, "one", SHORT).await;
    let second = take_eventually(&thief, "two").await;
    let mut transaction = store.begin().await.unwrap();
    B::add_effect(&mut transaction, "ghost").await;
    let recorded = store.record(&mut transaction, NAME, first.epoch, &[advance(1)]).await;
    assert_eq!(recorded.unwrap_err().kind(), ErrorKind::Fenced);
    store.rollback(transaction).await.unwrap();
    assert_eq!(effects_of::<B>(&store).await, [""; 0]);
    record(&thief, second.epoch, &[advance(1)]).await.unwrap();
}

/// Once the fence has held, the take-over waits for the commit, or the commit fails.
pub async fn a_take_over_does_not_come_between_fence_and_commit<B: Backend>(backend: &B) {
    let (store, thief) = (registered(backend).await, backend.open().await);
    let first = take(&store, "one", SHORT).await;
    let mut transaction = store.begin().await.unwrap();
    store.record(&mut transaction, NAME, first.epoch, &[advance(1)]).await.unwrap();
    let robbing = tokio::spawn(async move { take_eventually(&thief, "two").await });
    // Time enough for a take-over that does not wait; one that does is not held up by it.
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(2)).await;
        if robbing.is_finished() {
            break;
        }
    }
    let committed = store.commit(transaction).await.is_ok();
    let second = robbing.await.unwrap();
    assert!(second.epoch > first.epoch);
    // What the new owner was told is what the old one's commit left.
    assert_eq!(second.cursor, Position::new(u64::from(committed)));
}

/// Not even by its owner.
pub async fn a_cursor_is_never_moved_back<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let term = take(&store, "one", LONG).await;
    record(&store, term.epoch, &[advance(5)]).await.unwrap();
    for to in [4, 5] {
        assert!(record(&store, term.epoch, &[advance(to)]).await.is_err(), "to {to}");
    }
    assert_eq!(cursor(&store).await, Position::new(5));
}

/// Somebody's picture of the subscription is wrong, which must not stay unseen.
pub async fn a_change_that_finds_nothing_to_change_is_an_error<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let term = take(&store, "one", LONG).await;
    let settle = Change::Settle { position: Position::new(7) };
    let error = record(&store, term.epoch, std::slice::from_ref(&settle)).await.unwrap_err();
    assert!(!error.is_retryable());
    record(&store, term.epoch, &[Change::SetAside(queued(7)), settle]).await.unwrap();
}

/// In every state, in the order of positions, after any number of changes.
pub async fn what_is_set_aside_comes_back_whole_at_a_take_over<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    append_payloads(&store, &["1"; 9]).await;
    let term = take(&store, "one", LONG).await;
    assert_eq!(term.set_aside, []);
    let next_attempt_at = Timestamp::from_micros(1_700_000_000_000_001);
    let failed = |position, class, state| SetAside {
        attempts: 3,
        failure: Some(Failure::new(class, "out of \u{1f4b6} 'money'")),
        state,
        ..queued(position)
    };
    let expected = vec![
        failed(2, FailureClass::Handler, SetAsideState::Retrying { next_attempt_at }),
        queued(3),
        SetAside { key: None, ..failed(5, FailureClass::Undecodable, SetAsideState::Parked) },
    ];
    let mut changes: Vec<_> = [queued(5), queued(3), queued(4), queued(2)]
        .map(|entry| SetAside { key: expected_key(&expected, entry.position), ..entry })
        .map(Change::SetAside)
        .into();
    changes.extend(expected.iter().cloned().map(Change::SetAside));
    changes.push(Change::Settle { position: Position::new(4) });
    changes.push(advance(9));
    record(&store, term.epoch, &changes).await.unwrap();
    let next = take(&backend.open().await, "one", LONG).await;
    assert_eq!((next.cursor, next.set_aside), (store.head().await.unwrap(), expected.clone()));
    assert_eq!(store.status(NAME).await.unwrap().unwrap().set_aside, expected);
}

fn expected_key(expected: &[SetAside], position: Position) -> Option<String> {
    let found = expected.iter().find(|entry| entry.position == position);
    found.map_or(Some("A-1".to_owned()), |entry| entry.key.clone())
}

/// They are what the next owner must not do again.
pub async fn receipts_come_back_at_a_take_over<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", LONG).await;
    assert_eq!(first.receipts, []);
    record(&store, first.epoch, &[receipt(7)]).await.unwrap();
    record(&store, first.epoch, &[advance(1), receipt(3), receipt(5)]).await.unwrap();
    let mut undone = store.begin().await.unwrap();
    store.record(&mut undone, NAME, first.epoch, &[receipt(4)]).await.unwrap();
    store.rollback(undone).await.unwrap();
    let second = take(&backend.open().await, "one", LONG).await;
    assert_eq!(receipts_of(&second), BTreeSet::from([3, 5, 7]));
    assert_eq!((second.receipts.len(), second.cursor), (3, Position::new(1)));
}

/// Those above it are still needed.
pub async fn receipts_are_forgotten_up_to_a_position_and_no_further<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", LONG).await;
    record(&store, first.epoch, &[2, 3, 5, 6].map(receipt)).await.unwrap();
    let forget = Change::Forget { up_to: Position::new(5) };
    record(&store, first.epoch, &[advance(5), forget.clone()]).await.unwrap();
    // There may be none.
    record(&store, first.epoch, &[forget]).await.unwrap();
    let second = take(&store, "one", LONG).await;
    assert_eq!(receipts_of(&second), BTreeSet::from([6]));
}

/// Neither alone nor beside others, also if its transaction is committed in spite of the error.
pub async fn a_receipt_of_a_fenced_owner_is_not_written<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", SHORT).await;
    let second = take_eventually(&store, "two").await;
    let settled = [Change::SetAside(queued(1)), receipt(1)];
    let lists = [&[receipt(1)][..], &[receipt(1), receipt(2)], &[receipt(1), advance(1)], &settled];
    for changes in lists {
        assert_is_fenced(&store, first.epoch, changes).await;
    }
    let third = take(&store, "two", LONG).await;
    assert_eq!((third.receipts, third.cursor), (second.receipts, second.cursor));
    assert_eq!(third.set_aside, []);
}

/// It stands for an effect, of which there is one.
pub async fn a_second_receipt_for_an_entry_is_an_error<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let term = take(&store, "one", LONG).await;
    record(&store, term.epoch, &[receipt(1)]).await.unwrap();
    let second = record(&store, term.epoch, &[receipt(1)]).await.unwrap_err();
    assert!(!second.is_retryable());
    assert_eq!(take(&store, "one", LONG).await.receipts.len(), 1);
}

/// Each kind of change, and none at all.
pub async fn whatever_a_fenced_owner_records_changes_nothing<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", SHORT).await;
    let second = take_eventually(&store, "two").await;
    let left = [Change::SetAside(queued(1)), receipt(3), advance(2), pause()];
    record(&store, second.epoch, &left).await.unwrap();
    let before = store.status(NAME).await.unwrap();
    assert_is_fenced(&store, first.epoch, &[]).await;
    for change in [
        advance(9),
        Change::Forget { up_to: Position::new(9) },
        Change::SetAside(queued(9)),
        Change::Settle { position: Position::new(1) },
        Change::Pause { reason: "a ghost".to_owned() },
        Change::Resume,
        Change::Seek { to: Position::START },
    ] {
        assert_is_fenced(&store, first.epoch, &[change]).await;
    }
    assert_eq!(store.status(NAME).await.unwrap(), before);
    assert_eq!(receipts_of(&take(&store, "two", LONG).await), BTreeSet::from([3]));
}

async fn assert_is_fenced<S: Store>(store: &S, epoch: Epoch, changes: &[Change]) {
    let mut transaction = store.begin().await.unwrap();
    let recorded = store.record(&mut transaction, NAME, epoch, changes).await;
    assert_eq!(recorded.unwrap_err().kind(), ErrorKind::Fenced, "{changes:?}");
    store.commit(transaction).await.unwrap();
}

pub(crate) fn pause() -> Change {
    Change::Pause { reason: "the gateway moves".to_owned() }
}

/// Positions are the same for all of them.
pub async fn what_is_recorded_of_a_subscription_is_of_no_other<B: Backend>(backend: &B) {
    const OTHER: &str = "refunds of others";
    let store = registered(backend).await;
    store.register(OTHER, Start::Beginning, &[]).await.unwrap();
    let term = take(&store, "one", LONG).await;
    let left = [Change::SetAside(queued(1)), receipt(3), advance(2), pause()];
    record(&store, term.epoch, &left).await.unwrap();
    let before = store.status(NAME).await.unwrap();
    let other = take_of(&store, OTHER).await;
    assert_eq!((other.receipts, other.set_aside, other.paused), (vec![], vec![], false));
    let changes = [
        Change::SetAside(queued(1)),
        Change::Settle { position: Position::new(1) },
        receipt(3),
        Change::Forget { up_to: Position::new(9) },
        Change::Resume,
        Change::Seek { to: Position::START },
    ];
    let mut transaction = store.begin().await.unwrap();
    store.record(&mut transaction, OTHER, other.epoch, &changes).await.unwrap();
    store.commit(transaction).await.unwrap();
    assert_eq!(store.status(NAME).await.unwrap(), before);
    assert_eq!(receipts_of(&take(&store, "one", LONG).await), BTreeSet::from([3]));
}

async fn take_of<S: Store>(store: &S, subscription: &str) -> Term {
    match store.take_over(subscription, "one", LONG).await.unwrap() {
        TakeOver::Granted(term) => term,
        TakeOver::Held { owner, .. } => panic!("refused for {owner}"),
    }
}

/// Nobody was there to leave anything half done.
pub async fn a_first_owner_is_handed_the_subscription<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    assert!(take(&store, "one", LONG).await.is_handed_over);
}

/// To whoever comes next, and after any time.
pub async fn a_released_lease_was_handed_over<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", LONG).await;
    assert!(store.renew(NAME, first.epoch, LONG).await.unwrap());
    store.release(NAME, first.epoch).await.unwrap();
    let second = take(&store, "two", LONG).await;
    assert!(second.is_handed_over);
    store.release(NAME, second.epoch).await.unwrap();
    assert!(take(&store, "one", LONG).await.is_handed_over);
}

/// It knows by itself what it has ended, whether its lease still runs or not.
pub async fn an_owner_that_starts_over_is_handed_its_own_lease<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    for lease in [LONG, SHORT, LONG] {
        assert!(take(&store, "one", lease).await.is_handed_over);
    }
}

/// Its owner may have died in the middle of something.
pub async fn a_lease_that_ran_out_was_not_handed_over<B: Backend>(backend: &B) {
    let store = registered(backend).await;
    let first = take(&store, "one", LONG).await;
    // A release that was long ago is none of this lease.
    store.release(NAME, first.epoch).await.unwrap();
    take(&store, "two", SHORT).await;
    let third = take_eventually(&store, "three").await;
    assert!(!third.is_handed_over);
    store.release(NAME, third.epoch).await.unwrap();
    assert!(take(&store, "four", LONG).await.is_handed_over);
}

/// Once it wakes up it is too late to hand anything over.
pub async fn a_lease_that_was_taken_from_a_stopped_owner_was_not_handed_over<B: Backend>(
    backend: &B,
) {
    let store = registered(backend).await;
    let first = take(&store, "one", SHORT).await;
    let second = take_eventually(&store, "two").await;
    assert!(!second.is_handed_over);
    store.release(NAME, first.epoch).await.unwrap();
    assert!(store.renew(NAME, second.epoch, SHORT).await.unwrap());
    assert!(!take_eventually(&store, "one").await.is_handed_over);
}

/// By any program, in any order.
pub async fn an_owner_is_told_every_event_type_that_was_ever_registered<B: Backend>(backend: &B) {
    let store = backend.open().await;
    assert_eq!(event_types(&registered(backend).await).await, BTreeSet::new());
    store.register(NAME, Start::Head, &["order.placed", "order.cancelled"]).await.unwrap();
    backend.open().await.register(NAME, Start::Head, &["order.paid"]).await.unwrap();
    store.register("mails", Start::Head, &["mail.sent"]).await.unwrap();
    let all = ["order.placed", "order.cancelled", "order.paid"].map(str::to_owned);
    assert_eq!(event_types(&store).await, BTreeSet::from(all));
}

async fn event_types<S: Store>(store: &S) -> BTreeSet<String> {
    take(store, "one", LONG).await.event_types.into_iter().collect()
}

/// What it does not know it would pass by.
pub async fn a_new_event_type_ends_the_epoch_of_an_owner_that_was_not_told_of_it<B: Backend>(
    backend: &B,
) {
    let store = backend.open().await;
    store.register(NAME, Start::Beginning, &["order.placed"]).await.unwrap();
    let older = take(&store, "older", LONG).await;
    let newer = backend.open().await;
    newer.register(NAME, Start::Beginning, &["order.placed", "order.paid"]).await.unwrap();
    assert_is_fenced(&store, older.epoch, &[advance(1)]).await;
    assert!(!store.renew(NAME, older.epoch, LONG).await.unwrap());
    let next = take(&store, "older", LONG).await;
    assert!(next.event_types.contains(&"order.paid".to_owned()));
    record(&store, next.epoch, &[advance(1)]).await.unwrap();
}

/// Every start of the program registers.
pub async fn event_types_that_are_known_change_nothing<B: Backend>(backend: &B) {
    let store = backend.open().await;
    store.register(NAME, Start::Beginning, &["order.placed", "order.paid"]).await.unwrap();
    let term = take(&store, "one", LONG).await;
    for known in [&["order.paid"][..], &[], &["order.paid", "order.placed"]] {
        backend.open().await.register(NAME, Start::Beginning, known).await.unwrap();
    }
    store.register("mails", Start::Beginning, &["mail.sent"]).await.unwrap();
    record(&store, term.epoch, &[advance(1)]).await.unwrap();
    assert!(store.renew(NAME, term.epoch, LONG).await.unwrap());
}

/// No other clock tells the age of an entry.
pub async fn the_clock_is_the_one_that_entries_are_recorded_by<B: Backend>(backend: &B) {
    let store = backend.open().await;
    let before = store.clock().await.unwrap();
    append_payloads(&store, &["1"]).await;
    store.barrier().await.unwrap();
    let entry = store.entries(Page::new(Position::START, 1)).await.unwrap().remove(0);
    let after = store.clock().await.unwrap();
    assert!(before <= entry.recorded_at && entry.recorded_at <= after);
}
