//! The legacy of a term for the next one of its process.

use super::*;

/// Begins the next term of the process with `term`.
fn next_term(play: &Play, term: Term, width: usize) -> Play {
    let legacy = play.follower.leave();
    let mut next = Play::new(term, 2, width);
    next.follower = next.follower.inheriting(legacy);
    next.now = play.now;
    next
}

fn lost() -> Failure {
    Failure::new(FailureClass::Commit, "cannot commit: connection reset by peer")
}

fn in_doubt(play: &mut Play, number: u64) {
    let position = position(number);
    play.learn(Input::InDoubt { position, failure: lost(), random: 4_000_000 });
    let next = play.next();
    assert!(!matches!(next, Next::Do(_)), "{next:?}");
}

fn failed(number: u64, key: &str, attempts: u32, state: SetAsideState) -> Change {
    let entry = set_aside(number, key, state);
    Change::SetAside(SetAside { attempts, failure: Some(lost()), ..entry })
}

const AGAIN: SetAsideState =
    SetAsideState::Retrying { next_attempt_at: Timestamp::from_micros(4_000_000) };

#[test]
fn an_entry_that_costs_the_connection_at_its_commit_is_parked_after_its_attempts() {
    for width in [1, 4] {
        let mut play = Play::given_lanes(2, width, vec![seen(1, "a"), seen(2, "b")]);
        play.handles(1);
        in_doubt(&mut play, 1);
        let mut play = next_term(&play, term(0), width);
        play.reads(vec![seen(1, "a"), seen(2, "b")]);
        assert_eq!(
            play.records(),
            [failed(1, "a", 1, AGAIN), advance(1)],
            "before anything begins"
        );
        play.handles(2);
        play.handled(2);
        play.now = at(5);
        assert_eq!(play.tries_again(1), 2);
        in_doubt(&mut play, 1);
        let retrying = SetAsideState::Retrying { next_attempt_at: at(13) };
        let armed = SetAside { attempts: 2, ..set_aside(1, "a", retrying) };
        let mut play = next_term(&play, Term { set_aside: vec![armed], ..term(2) }, width);
        assert_eq!(play.records(), [failed(1, "a", 2, SetAsideState::Parked)]);
    }
}

#[test]
fn an_attempt_that_was_in_doubt_and_is_committed_has_not_failed() {
    let mut play = Play::given_lanes(2, 4, vec![seen(1, "a"), seen(2, "b")]);
    play.handles(1);
    play.handles(2);
    in_doubt(&mut play, 2);
    let mut play = next_term(&play, Term { receipts: vec![position(2)], ..term(0) }, 4);
    play.reads(vec![seen(1, "a"), seen(2, "b"), seen(3, "a")]);
    play.handles(1);
    assert_eq!(play.waits(), None);
    assert!(play.follower.leave().failed.is_empty());
}

#[test]
fn an_attempt_that_failed_and_could_not_be_recorded_is_recorded_before_the_next_one() {
    let entries = || vec![seen(1, "a"), seen(2, "b")];
    let mut play = Play::given(2, entries());
    play.handles(1);
    play.fails_as(1, lost(), Verdict::Again);
    assert!(matches!(play.next(), Next::Do(Action::Record { .. })));
    // The database is unreachable, and still is when the next term ends before it has read anything.
    let play = next_term(&play, term(0), 1);
    let mut play = next_term(&play, term(0), 1);
    play.reads(entries());
    assert_eq!(play.records(), [failed(1, "a", 1, AGAIN), advance(1)]);
    play.handles(2);
}

/// After a seek, an earlier entry of its key may have to be handled first.
#[test]
fn an_attempt_that_failed_before_a_seek_means_nothing_after_it() {
    for is_recorded in [true, false] {
        let mut play = Play::given(2, vec![seen(1, "a")]);
        play.handles(1);
        in_doubt(&mut play, 1);
        let mut play = next_term(&play, term(0), 1);
        play.learn(Input::Woken { head: position(1) });
        play.asks(Command::Seek { to: position(0) });
        assert!(matches!(play.next(), Next::Do(Action::Record { .. })));
        if is_recorded {
            play.learn(Input::Recorded);
        }
        let legacy = play.follower.leave();
        assert_eq!((legacy.is_suspicious, legacy.failed.len()), (!is_recorded, 0));
    }
}

/// Otherwise it would be parked although the subscription is not paused.
#[test]
fn an_attempt_that_stopped_everything_and_could_not_be_recorded_is_made_again_on_record() {
    let mut play = Play::given(2, vec![seen(1, "a")]);
    play.handles(1);
    play.fails_as(1, failure(), Verdict::Stop);
    assert!(matches!(play.next(), Next::Do(Action::Record { .. })));
    let legacy = play.follower.leave();
    assert!(legacy.is_suspicious && legacy.failed.is_empty());
}

#[test]
fn a_batch_that_is_lost_at_its_commit_is_taken_apart_by_the_next_term() {
    let together = |number| Seen { in_batch: true, ..seen(number, "a") };
    let mut play = Play::new(term(0), 2, 1);
    play.follower = play.follower.in_batches_of(2);
    play.reads(vec![together(1), together(2)]);
    play.handles(1);
    in_doubt(&mut play, 1);
    assert!(play.follower.leave().is_suspicious);
    let mut play = next_term(&play, Term { is_handed_over: false, ..term(0) }, 1);
    play.follower = play.follower.in_batches_of(2);
    play.reads(vec![together(1), together(2)]);
    assert_eq!(play.tries_again(1), 1);
}

/// A handler that blocks its thread, and so the renewal of the lease, would do so again and again.
#[test]
fn what_is_under_way_when_the_lease_ends_is_suspected() {
    let mut play = Play::given(2, vec![seen(1, "a")]);
    play.follower.cut_off();
    assert!(!play.follower.leave().is_suspicious, "nothing is under way");
    play.handles(1);
    play.follower.cut_off();
    assert!(play.follower.leave().is_suspicious);
}

#[test]
fn when_all_commits_are_lost_one_entry_is_tried_now_and_then() {
    let entries = |from: u64| (from..=30).map(|number| seen(number, &number.to_string())).collect();
    let mut play = Play::given(2, entries(1));
    for number in 1..=10 {
        play.handles(number);
        in_doubt(&mut play, number);
        play = next_term(&play, term(number - 1), 1);
        play.reads(entries(number));
        play.records();
    }
    assert!(play.follower.is_in_outage());
    assert_eq!(play.waits(), Some(at(1)), "the eleventh is not tried");
}
