//! The machine by itself, and in a small world with a seed.

mod world;

use proptest::prelude::*;

use super::*;
use crate::subscription::{Epoch, FailureClass};
use world::World;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn seen(position: u64, key: &str) -> Seen {
    Seen { position: Position::new(position), key: Some(key.to_owned()), wanted: true }
}

fn miss(position: u64) -> Seen {
    Seen { wanted: false, ..seen(position, "") }
}

fn advance(to: u64) -> Change {
    Change::Advance { to: Position::new(to) }
}

fn failure() -> Failure {
    Failure::new(FailureClass::Handler, "no")
}

fn follower(attempts: u32) -> Follower {
    let term = Term { epoch: Epoch::new(1), cursor: Position::START, set_aside: Vec::new() };
    let policy = RetryPolicy::default()
        .attempts(attempts)
        .backoff(Duration::from_secs(8), Duration::from_secs(8));
    Follower::new(term, policy)
}

/// A follower that was just given these entries, and what it does first.
fn given(attempts: u32, entries: Vec<Seen>) -> (Follower, Action) {
    let mut follower = follower(attempts);
    let head = entries.last().map_or(Position::new(1), |entry| entry.position);
    let read = follower.step(at(0), Input::Woken { head });
    assert_eq!(read, Action::Read { after: Position::START });
    let first = follower.step(at(0), Input::Read { entries });
    (follower, first)
}

#[track_caller]
fn assert_handles(action: &Action, wanted: u64) {
    let Action::Handle { position, .. } = action else { panic!("{action:?}, not {wanted}") };
    assert_eq!(position.get(), wanted);
}

/// Lets the entry that is under way fail and its being set aside be recorded.
fn fail(follower: &mut Follower, now: Timestamp) -> (Vec<Change>, Action) {
    let action = follower.step(now, Input::Failed { failure: failure(), random: 4_000_000 });
    let Action::Record { changes } = action else { panic!("{action:?}") };
    (changes, follower.step(now, Input::Done))
}

#[test]
fn an_entry_is_handled_with_the_cursor_in_its_transaction() {
    let (mut follower, first) = given(3, vec![seen(1, "a"), seen(2, "b")]);
    let position = Position::new(1);
    assert_eq!(first, Action::Handle { position, attempt: 1, changes: vec![advance(1)] });
    assert_handles(&follower.step(at(0), Input::Done), 2);
    assert_eq!(follower.step(at(0), Input::Done), Action::Wait { until: None });
}

#[test]
fn a_failed_entry_leaves_the_way_and_other_keys_flow() {
    let (mut follower, _) = given(3, vec![seen(1, "a"), seen(2, "b")]);
    let (changes, next) = fail(&mut follower, at(0));
    let set_aside = SetAside {
        position: Position::new(1),
        key: Some("a".to_owned()),
        state: SetAsideState::Retrying { next_attempt_at: at(4) },
        attempts: 1,
        failure: Some(failure()),
    };
    assert_eq!(changes, [Change::SetAside(set_aside), advance(1)]);
    assert_handles(&next, 2);
    assert_eq!(follower.step(at(0), Input::Done), Action::Wait { until: Some(at(4)) });
}

#[test]
fn later_entries_of_a_failed_key_wait_behind_it_and_follow_in_order() {
    let (mut follower, _) = given(9, vec![seen(1, "a"), seen(2, "a"), seen(3, "b"), seen(4, "a")]);
    let (_, queue) = fail(&mut follower, at(0));
    let Action::Record { changes } = queue else { panic!("{queue:?}") };
    assert!(matches!(&changes[..], [Change::SetAside(entry), Change::Advance { .. }]
        if entry.state == SetAsideState::Queued && entry.position == Position::new(2)));
    assert_handles(&follower.step(at(0), Input::Done), 3);
    assert!(matches!(follower.step(at(0), Input::Done), Action::Record { .. }));
    assert_eq!(follower.step(at(0), Input::Done), Action::Wait { until: Some(at(4)) });
    for position in [1, 2, 4] {
        let head = Position::new(4);
        assert_handles(&follower.step(at(4), Input::Woken { head }), position);
        follower.finish_work();
    }
    assert_eq!(
        follower.step(at(4), Input::Woken { head: Position::new(4) }),
        Action::Wait { until: None }
    );
    assert!(!follower.set_aside.holds(Some("a")));
}

#[test]
fn an_entry_without_a_key_holds_nobody_up() {
    let keyless = |position| Seen { key: None, ..seen(position, "") };
    let (mut follower, _) = given(3, vec![keyless(1), keyless(2)]);
    let (_, next) = fail(&mut follower, at(0));
    assert_handles(&next, 2);
}

#[test]
fn the_last_attempt_parks_and_its_key_stays_held() {
    let (mut follower, _) = given(2, vec![seen(1, "a")]);
    fail(&mut follower, at(0));
    let again = follower.step(at(5), Input::Woken { head: Position::new(2) });
    assert!(matches!(again, Action::Handle { attempt: 2, .. }));
    let (changes, next) = fail(&mut follower, at(5));
    assert!(matches!(&changes[..], [Change::SetAside(entry)]
        if entry.state == SetAsideState::Parked && entry.attempts == 2));
    assert_eq!(next, Action::Read { after: Position::new(1) });
    let queued = follower.step(at(5), Input::Read { entries: vec![seen(2, "a")] });
    assert!(matches!(queued, Action::Record { .. }));
}

#[test]
fn what_cannot_end_otherwise_is_parked_at_once() {
    let (mut follower, _) = given(9, vec![seen(1, "a")]);
    let failure = Failure::new(FailureClass::Undecodable, "no such field");
    let action = follower.step(at(0), Input::Failed { failure, random: 0 });
    let Action::Record { changes } = action else { panic!("{action:?}") };
    assert!(matches!(&changes[0], Change::SetAside(entry) if entry.state == SetAsideState::Parked));
}

#[test]
fn a_backlog_and_failing_keys_take_turns() {
    let (mut follower, _) = given(9, (1..=6).map(|n| seen(n, &n.to_string())).collect());
    fail(&mut follower, at(0));
    fail(&mut follower, at(0));
    // Two are due again, and there is a backlog.
    let order: Vec<u64> = (0..5)
        .map(|_| match follower.step(at(9), Input::Done) {
            Action::Handle { position, .. } => position.get(),
            action => panic!("{action:?}"),
        })
        .collect();
    assert_eq!(order, [1, 4, 2, 5, 6]);
}

#[test]
fn keys_that_keep_failing_do_not_keep_the_log_from_being_read() {
    let (mut follower, _) = given(99, vec![seen(1, "a"), seen(2, "b")]);
    fail(&mut follower, at(0));
    fail(&mut follower, at(0));
    assert_handles(&follower.step(at(4), Input::Woken { head: Position::new(3) }), 1);
    let (_, next) = fail(&mut follower, at(8));
    assert_eq!(next, Action::Read { after: Position::new(2) });
    assert_handles(&follower.step(at(8), Input::Read { entries: vec![seen(3, "c")] }), 3);
}

#[test]
fn entries_that_are_passed_by_are_not_worth_a_write_each() {
    let (mut follower, first) = given(3, vec![miss(1), miss(2), seen(3, "a"), miss(4)]);
    assert_handles(&first, 3);
    let wait = follower.step(at(0), Input::Done);
    assert_eq!(wait, Action::Wait { until: Some(at(1)) });
    let head = Position::new(4);
    let save = follower.step(at(1), Input::Woken { head });
    assert_eq!(save, Action::Record { changes: vec![advance(4)] });
    assert_eq!(follower.step(at(1), Input::Done), Action::Wait { until: None });
}

#[test]
fn what_was_passed_by_is_saved_before_the_end() {
    let (mut follower, _) = given(3, vec![miss(1), miss(2)]);
    follower.stop();
    let save = follower.step(at(0), Input::Woken { head: Position::new(9) });
    assert_eq!(save, Action::Record { changes: vec![advance(2)] });
    assert_eq!(follower.step(at(0), Input::Done), Action::Stop);
}

#[test]
fn a_new_owner_goes_on_with_what_was_set_aside() {
    let queued = |position, state| SetAside {
        position: Position::new(position),
        key: Some("a".to_owned()),
        state,
        attempts: 1,
        failure: None,
    };
    let next_attempt_at = at(3);
    let set_aside = vec![
        queued(1, SetAsideState::Retrying { next_attempt_at }),
        queued(2, SetAsideState::Queued),
    ];
    let term = Term { epoch: Epoch::new(2), cursor: Position::new(2), set_aside };
    let mut follower = Follower::new(term, RetryPolicy::default());
    let head = Position::new(3);
    assert_eq!(
        follower.step(at(0), Input::Woken { head }),
        Action::Read { after: head.previous() }
    );
    let queue_up = follower.step(at(0), Input::Read { entries: vec![seen(3, "a")] });
    assert!(matches!(queue_up, Action::Record { .. }));
    assert_eq!(follower.step(at(0), Input::Done), Action::Wait { until: Some(next_attempt_at) });
    let again = follower.step(at(3), Input::Woken { head });
    assert!(matches!(again, Action::Handle { attempt: 2, .. }));
}

#[test]
fn an_entry_set_aside_by_a_clock_that_was_ahead_is_tried_again_now() {
    let far = at(86_400);
    let set_aside = vec![SetAside {
        position: Position::new(1),
        key: None,
        state: SetAsideState::Retrying { next_attempt_at: far },
        attempts: 1,
        failure: None,
    }];
    let term = Term { epoch: Epoch::new(1), cursor: Position::new(1), set_aside };
    let mut follower = Follower::new(term, RetryPolicy::default());
    assert_handles(&follower.step(at(0), Input::Woken { head: Position::new(1) }), 1);
}

#[test]
fn a_head_that_cannot_be_read_is_waited_for() {
    let (mut follower, wait) = given(3, vec![]);
    assert_eq!(wait, Action::Wait { until: None });
    let read = follower.step(at(0), Input::Woken { head: Position::new(7) });
    assert_eq!(read, Action::Read { after: Position::START });
    let wait = follower.step(at(0), Input::Read { entries: vec![] });
    assert_eq!(wait, Action::Wait { until: None });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Crashes before and after a commit, lost replies, failing handlers, a clock that jumps.
    #[test]
    fn nothing_is_lost_doubled_or_out_of_order_whatever_happens(seed: u64) {
        World::new(seed).run().unwrap_or_else(|broken| panic!("seed {seed}: {broken}"));
    }
}
