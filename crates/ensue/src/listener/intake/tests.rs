//! Tests of single steps. The simulation covers random schedules.

use super::*;
use crate::subscription::FailureClass;

const POLICY: RetryPolicy = RetryPolicy::brief(ATTEMPTS_MAX);
const ATTEMPTS_MAX: u32 = 3;

fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn arrived(number: u64, key: &str) -> Arrived<u64> {
    Arrived {
        tag: Tag(number),
        is_redelivered: false,
        lane: Lane::Key(key.to_owned()),
        sequence: None,
        kind: Kind::Together,
        bytes: 100,
        content: number,
    }
}

fn of_sequence(number: u64, sequence: u64) -> Arrived<u64> {
    Arrived { sequence: Some(("shop".to_owned(), sequence)), ..arrived(number, "A") }
}

fn intake() -> Intake<u64> {
    Intake::new(POLICY, 2, 10)
}

fn failure() -> Failure {
    Failure::new(FailureClass::Handler, "no")
}

fn failed(at: usize, attempt: u32) -> Outcome {
    Outcome::Failed { at, attempt, failure: failure(), verdict: Verdict::Again, random: 0 }
}

fn together(intake: &mut Intake<u64>, now: u64) -> (Piece, Vec<u64>) {
    match intake.next(at(now)) {
        Next::Do(Action::Together { piece, messages }) => (piece, messages),
        other => panic!("not together: {other:?}"),
    }
}

fn alone(intake: &mut Intake<u64>, now: u64) -> (Piece, u64, Attempt) {
    match intake.next(at(now)) {
        Next::Do(Action::Alone { piece, message, attempt }) => (piece, message, attempt),
        other => panic!("not alone: {other:?}"),
    }
}

fn interrupted(upon: Upon) -> Outcome {
    Outcome::Interrupted { upon, random: 0 }
}

const BEFORE: Upon = Upon::Nothing { recorded: None };

fn acknowledged(intake: &mut Intake<u64>, now: u64) -> Vec<u64> {
    match intake.next(at(now)) {
        Next::Do(Action::Acknowledge { tags }) => tags.into_iter().map(|tag| tag.0).collect(),
        other => panic!("nothing acknowledged: {other:?}"),
    }
}

fn waits(intake: &mut Intake<u64>, now: u64) -> Option<Duration> {
    match intake.next(at(now)) {
        Next::Wait { until } => until,
        other => panic!("does not wait: {other:?}"),
    }
}

#[test]
fn messages_of_many_keys_are_handled_together_in_the_order_of_arrival_and_acknowledged_after() {
    let mut intake = intake();
    for (number, key) in [(1, "A"), (2, "B"), (3, "A")] {
        intake.arrive(arrived(number, key));
    }
    let (piece, messages) = together(&mut intake, 0);
    assert_eq!(messages, [1, 2, 3]);
    assert_eq!(waits(&mut intake, 0), None);
    intake.end(at(5), piece, Outcome::Done { new: vec![true, false, true] });
    assert_eq!(acknowledged(&mut intake, 5), [1, 2, 3]);
    let counts = intake.counts();
    assert_eq!((counts.handled, counts.duplicates, counts.waiting), (2, 1, 0));
}

#[test]
fn a_key_that_is_under_way_waits_and_others_flow() {
    let mut intake = intake();
    intake.arrive(arrived(1, "A"));
    let (first, _) = together(&mut intake, 0);
    intake.arrive(arrived(2, "A"));
    intake.arrive(arrived(3, "B"));
    let (second, messages) = together(&mut intake, 0);
    assert_eq!(messages, [3]);
    intake.end(at(1), second, Outcome::Done { new: vec![true] });
    assert_eq!(acknowledged(&mut intake, 1), [3]);
    assert_eq!(waits(&mut intake, 1), None);
    intake.end(at(2), first, Outcome::Done { new: vec![true] });
    assert_eq!(acknowledged(&mut intake, 2), [1]);
    assert_eq!(together(&mut intake, 2).1, [2]);
}

#[test]
fn what_came_before_a_failure_is_done_and_its_key_waits_to_be_tried_again_alone() {
    let mut intake = intake();
    for (number, key) in [(1, "A"), (2, "B"), (3, "C"), (4, "B")] {
        intake.arrive(arrived(number, key));
    }
    let (piece, _) = together(&mut intake, 0);
    let random = 5_000;
    let failed =
        Outcome::Failed { at: 1, attempt: 1, failure: failure(), verdict: Verdict::Again, random };
    intake.end(at(0), piece, failed);
    let (before, messages) = together(&mut intake, 0);
    assert_eq!(messages, [1]);
    intake.end(at(0), before, Outcome::Done { new: vec![true] });
    assert_eq!(acknowledged(&mut intake, 0), [1]);
    let (behind, messages) = together(&mut intake, 0);
    assert_eq!(messages, [3]);
    intake.end(at(0), behind, Outcome::Done { new: vec![true] });
    assert_eq!(acknowledged(&mut intake, 0), [3]);
    assert_eq!(waits(&mut intake, 0), Some(at(5)));
    let (_, message, attempt) = alone(&mut intake, 5);
    assert_eq!((message, attempt), (2, Attempt::Number(2)));
    assert_eq!(waits(&mut intake, 5), None);
}

#[test]
fn after_its_attempts_a_message_is_buried_and_the_next_of_its_key_goes_on() {
    let mut intake = intake();
    intake.arrive(arrived(1, "A"));
    intake.arrive(arrived(2, "A"));
    let (piece, _) = together(&mut intake, 0);
    intake.end(at(0), piece, failed(0, 1));
    for attempt in 2..=3 {
        let (piece, message, counted) = alone(&mut intake, 0);
        assert_eq!((message, counted), (1, Attempt::Number(attempt)));
        intake.end(at(0), piece, failed(0, attempt));
    }
    let Next::Do(Action::Bury { piece, message, failure: why, attempts, .. }) = intake.next(at(0))
    else {
        panic!("not buried");
    };
    assert_eq!((message, why, attempts), (1, failure(), 3));
    assert_eq!(waits(&mut intake, 0), None);
    intake.end(at(0), piece, Outcome::Done { new: vec![true] });
    assert_eq!(acknowledged(&mut intake, 0), [1]);
    assert_eq!(intake.counts().dead, 1);
    assert_eq!(together(&mut intake, 0).1, [2]);
}

#[test]
fn a_failure_that_names_a_far_time_is_tried_again_after_a_minute_at_the_latest() {
    let mut intake = intake();
    intake.arrive(arrived(1, "A"));
    let (piece, _) = together(&mut intake, 0);
    let verdict = Verdict::After(Duration::MAX);
    let failed = Outcome::Failed { at: 0, attempt: 1, failure: failure(), verdict, random: 0 };
    intake.end(at(0), piece, failed);
    assert_eq!(waits(&mut intake, 0), Some(ASKED_MAX));
}

#[test]
fn what_fails_as_a_whole_is_taken_apart() {
    let mut intake = intake();
    intake.arrive(arrived(1, "A"));
    intake.arrive(arrived(2, "A"));
    let (piece, _) = together(&mut intake, 0);
    intake.end(at(0), piece, Outcome::Refused);
    let (piece, message, attempt) = alone(&mut intake, 0);
    assert_eq!((message, attempt), (1, Attempt::Number(1)));
    intake.end(at(0), piece, Outcome::Done { new: vec![true] });
    assert_eq!(acknowledged(&mut intake, 0), [1]);
    assert_eq!(alone(&mut intake, 0).1, 2);
}

#[test]
fn without_a_database_nothing_begins_for_a_while_and_no_attempt_is_lost() {
    let mut intake = intake();
    intake.arrive(arrived(1, "A"));
    let (piece, _) = together(&mut intake, 0);
    intake.end(at(0), piece, Outcome::Interrupted { upon: BEFORE, random: 100_000 });
    assert_eq!(waits(&mut intake, 0), Some(at(100)));
    assert_eq!(together(&mut intake, 100).1, [1]);
    assert_eq!(intake.counts().interruptions, 1);
}

#[test]
fn what_is_redelivered_is_a_suspect_and_alone() {
    let mut intake = intake();
    intake.arrive(Arrived { is_redelivered: true, ..arrived(1, "A") });
    intake.arrive(arrived(2, "B"));
    let (_, message, attempt) = alone(&mut intake, 0);
    assert_eq!((message, attempt), (1, Attempt::ToRecord));
    assert_eq!(together(&mut intake, 0).1, [2]);
}

#[test]
fn what_was_handled_when_the_database_was_lost_is_a_suspect_and_the_others_are_not() {
    let mut intake = intake();
    for (number, key) in [(1, "A"), (2, "B"), (3, "C")] {
        intake.arrive(arrived(number, key));
    }
    let (piece, _) = together(&mut intake, 0);
    intake.end(at(0), piece, interrupted(Upon::Handling { at: 1 }));
    assert_eq!(together(&mut intake, 0).1, [1, 3]);
    let (_, message, attempt) = alone(&mut intake, 0);
    assert_eq!((message, attempt), (2, Attempt::ToRecord));
}

#[test]
fn of_those_whose_commit_lost_the_database_each_is_next_by_itself_and_then_a_suspect() {
    let mut intake = intake();
    intake.arrive(arrived(1, "A"));
    intake.arrive(arrived(2, "B"));
    let (piece, _) = together(&mut intake, 0);
    intake.end(at(0), piece, interrupted(Upon::Whole));
    let (piece, message, attempt) = alone(&mut intake, 0);
    assert_eq!((message, attempt), (1, Attempt::Number(1)));
    intake.end(at(0), piece, interrupted(Upon::Whole));
    let (_, message, attempt) = alone(&mut intake, 0);
    assert_eq!((message, attempt), (1, Attempt::ToRecord));
    assert_eq!(alone(&mut intake, 0).2, Attempt::Number(1));
}

#[test]
fn an_attempt_that_is_on_record_and_did_not_begin_is_none_that_counts() {
    let mut intake = intake();
    intake.arrive(Arrived { is_redelivered: true, ..arrived(1, "A") });
    let (mut piece, ..) = alone(&mut intake, 0);
    for _ in 0..5 {
        intake.end(at(0), piece, interrupted(BEFORE));
        let again = alone(&mut intake, 0);
        assert_eq!(again.2, Attempt::ToRecord);
        piece = again.0;
    }
    let mut intake = self::intake();
    intake.arrive(Arrived { is_redelivered: true, ..arrived(1, "A") });
    let (mut piece, ..) = alone(&mut intake, 0);
    for _ in 0..5 {
        intake.end(at(0), piece, interrupted(Upon::Nothing { recorded: Some(7) }));
        let again = alone(&mut intake, 0);
        assert_eq!(again.2, Attempt::Recorded(7));
        piece = again.0;
    }
    intake.end(at(0), piece, interrupted(Upon::Handling { at: 0 }));
    assert_eq!(alone(&mut intake, 0).2, Attempt::ToRecord);
}

#[test]
fn what_takes_too_long_together_is_taken_in_smaller_batches_and_none_of_it_has_failed() {
    let mut intake = intake();
    for number in 0..10 {
        intake.arrive(arrived(number, "A"));
    }
    let (piece, messages) = together(&mut intake, 0);
    assert_eq!(messages.len(), 10);
    intake.end(at(0), piece, Outcome::Overdue { at: 3 });
    let (_, messages) = together(&mut intake, 0);
    assert_eq!((messages, intake.counts().failed), (vec![0, 1, 2], 0));
}

#[test]
fn what_nobody_handles_is_passed_by_at_once_or_buried_in_its_turn() {
    let mut intake = intake();
    intake.arrive(arrived(1, "A"));
    intake.arrive(Arrived { kind: Kind::Doomed(failure()), ..arrived(2, "A") });
    intake.arrive(Arrived { kind: Kind::PassedBy, ..arrived(3, "A") });
    assert_eq!(acknowledged(&mut intake, 0), [3]);
    let (piece, messages) = together(&mut intake, 0);
    assert_eq!(messages, [1]);
    intake.end(at(0), piece, Outcome::Done { new: vec![true] });
    assert_eq!(acknowledged(&mut intake, 0), [1]);
    let buried = intake.next(at(0));
    assert!(matches!(buried, Next::Do(Action::Bury { message: 2, attempts: 0, .. })), "{buried:?}");
}

#[test]
fn nothing_is_acknowledged_with_the_tag_of_a_session_that_is_lost() {
    let mut intake = intake();
    intake.arrive(arrived(1, "A"));
    intake.arrive(arrived(2, "B"));
    let (done, _) = together(&mut intake, 0);
    intake.arrive(arrived(3, "C"));
    let (failing, _) = together(&mut intake, 0);
    intake.arrive(arrived(4, "D"));
    intake.lose_session();
    intake.end(at(0), done, Outcome::Done { new: vec![true, true] });
    intake.end(at(0), failing, failed(0, 1));
    assert_eq!(waits(&mut intake, 0), None);
    assert_eq!(intake.counts().waiting, 0);
    // What was done, and is not acknowledged in time, is not acknowledged later either.
    intake.arrive(arrived(5, "A"));
    let (piece, _) = together(&mut intake, 0);
    intake.end(at(0), piece, Outcome::Done { new: vec![true] });
    intake.lose_session();
    assert_eq!(waits(&mut intake, 0), None);
}

#[test]
fn a_key_that_is_under_way_when_the_session_is_lost_holds_up_the_next_sessions() {
    let mut intake = intake();
    intake.arrive(arrived(1, "A"));
    let (piece, _) = together(&mut intake, 0);
    intake.lose_session();
    intake.arrive(arrived(2, "A"));
    assert_eq!(waits(&mut intake, 0), None);
    intake.end(at(0), piece, Outcome::Done { new: vec![true] });
    assert_eq!(together(&mut intake, 0).1, [2]);
}

#[test]
fn what_arrives_late_takes_its_place_before_those_of_its_source_that_have_not_begun() {
    let mut intake = intake();
    for (number, sequence) in [(1, 7), (2, 9), (3, 6), (4, 8)] {
        intake.arrive(of_sequence(number, sequence));
    }
    let (piece, messages) = together(&mut intake, 0);
    assert_eq!(messages, [3, 1, 4, 2]);
    intake.arrive(of_sequence(5, 5));
    intake.end(at(0), piece, Outcome::Done { new: vec![true; 4] });
    assert_eq!(acknowledged(&mut intake, 0), [1, 2, 3, 4]);
    let (piece, messages) = together(&mut intake, 0);
    assert_eq!((messages, intake.counts().out_of_order), (vec![5], 0));
    intake.end(at(0), piece, Outcome::Done { new: vec![true] });
    assert_eq!(intake.counts().out_of_order, 1, "it cannot be put right, and is counted");
}

#[test]
fn what_arrives_late_goes_before_what_waits_to_be_tried_again() {
    let mut intake = intake();
    intake.arrive(of_sequence(1, 7));
    let (piece, _) = together(&mut intake, 0);
    let failed = Outcome::Failed {
        at: 0,
        attempt: 1,
        failure: failure(),
        verdict: Verdict::After(at(50)),
        random: 0,
    };
    intake.end(at(0), piece, failed);
    intake.arrive(of_sequence(2, 6));
    let (piece, messages) = together(&mut intake, 0);
    assert_eq!(messages, [2]);
    intake.end(at(0), piece, Outcome::Done { new: vec![true] });
    assert_eq!(acknowledged(&mut intake, 0), [2]);
    assert_eq!(waits(&mut intake, 0), Some(at(50)));
    assert_eq!(alone(&mut intake, 50).1, 1);
}

#[test]
fn when_it_is_to_end_what_is_under_way_is_finished_and_acknowledged() {
    let mut intake = intake();
    intake.arrive(arrived(1, "A"));
    let (piece, _) = together(&mut intake, 0);
    intake.arrive(arrived(2, "B"));
    intake.stop();
    assert_eq!(waits(&mut intake, 0), None);
    intake.end(at(0), piece, Outcome::Done { new: vec![true] });
    assert_eq!(acknowledged(&mut intake, 0), [1]);
    assert!(matches!(intake.next(at(0)), Next::Over));
}

#[test]
fn what_is_large_is_handled_in_smaller_batches_and_one_message_always_fits() {
    let mut intake = intake();
    let half = BATCH_BYTES_MAX / 2;
    for (number, bytes) in [(1, half), (2, half), (3, 1), (4, 3 * half), (5, 1)] {
        intake.arrive(Arrived { bytes, ..arrived(number, "A") });
    }
    for expected in [vec![1, 2], vec![3], vec![4], vec![5]] {
        let (piece, messages) = together(&mut intake, 0);
        assert_eq!(messages, expected);
        intake.end(at(0), piece, Outcome::Done { new: vec![true; expected.len()] });
        assert_eq!(acknowledged(&mut intake, 0).len(), expected.len());
    }
}

#[test]
fn when_more_is_here_than_fits_the_next_session_has_a_prefetch_with_which_it_would() {
    let mut intake = intake();
    for number in 1..=10 {
        intake.arrive(Arrived { bytes: 10 * number, ..arrived(number as u64, "A") });
    }
    assert_eq!(intake.fitting_prefetch(550), None);
    assert_eq!(intake.fitting_prefetch(549), Some(5));
    assert_eq!(intake.fitting_prefetch(9), Some(1));
    // Messages in flight that can no longer be acknowledged do not count for the next session.
    together(&mut intake, 0);
    intake.lose_session();
    intake.arrive(Arrived { bytes: 1_000, ..arrived(1, "A") });
    assert_eq!(intake.fitting_prefetch(9), None, "one always fits");
}

fn buried_with(intake: &mut Intake<u64>, now: u64) -> (Piece, usize) {
    match intake.next(at(now)) {
        Next::Do(Action::Bury { piece, bytes, .. }) => (piece, bytes),
        other => panic!("not buried: {other:?}"),
    }
}

#[test]
fn a_dead_letter_that_the_database_refuses_is_cut_and_holds_up_no_other_key() {
    let mut intake = intake();
    intake.arrive(Arrived { kind: Kind::Doomed(failure()), ..arrived(1, "A") });
    let (piece, bytes) = buried_with(&mut intake, 0);
    assert_eq!(bytes, usize::MAX);
    intake.end(at(0), piece, Outcome::Unburied { random: 50_000 });
    intake.arrive(arrived(2, "B"));
    assert_eq!(together(&mut intake, 0).1, [2]);
    assert_eq!(waits(&mut intake, 0), Some(at(50)));
    let (piece, first) = buried_with(&mut intake, 50);
    intake.end(at(50), piece, Outcome::Unburied { random: 0 });
    let (mut piece, second) = buried_with(&mut intake, 50);
    assert!(second < first && first < bytes, "{second} {first}");
    for _ in 0..5 {
        intake.end(at(50), piece, interrupted(BEFORE));
        let again = buried_with(&mut intake, 50);
        assert_eq!(again.1, second, "a database that is away refuses nothing");
        piece = again.0;
    }
}

#[test]
fn a_dead_letter_that_costs_its_connection_again_and_again_is_cut() {
    let mut intake = intake();
    intake.arrive(Arrived { kind: Kind::Doomed(failure()), ..arrived(1, "A") });
    for _ in 0..3 {
        let (piece, bytes) = buried_with(&mut intake, 0);
        assert_eq!(bytes, usize::MAX);
        intake.end(at(0), piece, interrupted(Upon::Whole));
    }
    assert!(buried_with(&mut intake, 0).1 < usize::MAX);
}
