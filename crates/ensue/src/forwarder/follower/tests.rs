//! The machine by itself; the simulation has it in a world.

mod legacy;
mod sending;

use std::time::Duration;

use super::*;
use crate::subscription::{Answer, Command, Epoch, FailureClass, RequestId, Which};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

fn position(number: u64) -> Position {
    Position::new(number)
}

fn seen(number: u64, key: &str) -> Seen {
    let key = Some(key.to_owned());
    Seen { position: position(number), key, wanted: true, in_batch: false }
}

fn miss(number: u64) -> Seen {
    Seen { wanted: false, ..seen(number, "") }
}

fn advance(to: u64) -> Change {
    Change::Advance { to: position(to) }
}

fn receipt(number: u64) -> Change {
    Change::Receipt { position: position(number) }
}

fn failure() -> Failure {
    Failure::new(FailureClass::Handler, "no")
}

fn set_aside(number: u64, key: &str, state: SetAsideState) -> SetAside {
    let key = Some(key.to_owned());
    SetAside {
        position: position(number),
        key,
        state,
        attempts: 1,
        failure: None,
        is_replay: false,
    }
}

fn term(cursor: u64) -> Term {
    Term {
        epoch: Epoch::new(1),
        cursor: position(cursor),
        receipts: Vec::new(),
        set_aside: Vec::new(),
        event_types: Vec::new(),
        paused: false,
        is_handed_over: true,
    }
}

/// A machine, and what its shell does.
struct Play {
    follower: Follower,
    now: Timestamp,
}

impl Play {
    fn new(term: Term, attempts: u32, width: usize) -> Self {
        let policy = RetryPolicy::default()
            .attempts(attempts)
            .backoff(Duration::from_secs(8), Duration::from_secs(8));
        Self { follower: Follower::new(term, policy, width), now: at(0) }
    }

    /// A machine of one lane that was just given these entries.
    fn given(attempts: u32, entries: Vec<Seen>) -> Self {
        Self::given_lanes(attempts, 1, entries)
    }

    fn given_lanes(attempts: u32, width: usize, entries: Vec<Seen>) -> Self {
        let mut play = Self::new(term(0), attempts, width);
        play.reads(entries);
        play
    }

    /// The log has grown by these.
    fn reads(&mut self, entries: Vec<Seen>) {
        let last = entries.last().expect("an entry").position;
        self.learn(Input::Woken { head: last });
        let read = self.next();
        assert!(matches!(read, Next::Do(Action::Read { .. })), "{read:?}");
        self.learn(Input::Read { entries });
    }

    fn learn(&mut self, input: Input) {
        self.follower.learn(self.now, input);
    }

    fn next(&mut self) -> Next {
        self.follower.next(self.now)
    }

    #[track_caller]
    fn handles(&mut self, number: u64) -> (u32, Vec<Change>) {
        match self.next() {
            Next::Do(Action::Handle { position, attempt, changes, .. }) => {
                assert_eq!(position.get(), number);
                (attempt, changes)
            }
            next => panic!("{next:?}, not {number}"),
        }
    }

    /// What it records; that is done.
    #[track_caller]
    fn records(&mut self) -> Vec<Change> {
        match self.next() {
            Next::Do(Action::Record { changes }) => {
                self.learn(Input::Recorded);
                changes
            }
            next => panic!("{next:?}"),
        }
    }

    #[track_caller]
    fn waits(&mut self) -> Option<Timestamp> {
        match self.next() {
            Next::Wait { until } => until,
            next => panic!("{next:?}"),
        }
    }

    fn handled(&mut self, number: u64) {
        self.learn(Input::Handled { position: position(number) });
    }

    fn fails(&mut self, number: u64) {
        self.fails_as(number, failure(), Verdict::Again);
    }

    fn fails_as(&mut self, number: u64, failure: Failure, verdict: Verdict) {
        let position = position(number);
        self.learn(Input::Failed { position, failure, verdict, random: 4_000_000 });
    }

    /// It is handled, fails and is set aside.
    #[track_caller]
    fn sets_aside(&mut self, number: u64) -> Vec<Change> {
        self.handles(number);
        self.fails(number);
        self.records()
    }

    /// An entry that was set aside is tried again: first the attempt is on record.
    #[track_caller]
    fn tries_again(&mut self, number: u64) -> u32 {
        let armed = self.records();
        let Some(Change::SetAside(SetAside { position, state, attempts, .. })) = armed.first()
        else {
            panic!("{armed:?}");
        };
        assert_eq!(position.get(), number);
        assert!(matches!(state, SetAsideState::Retrying { .. }), "{armed:?}");
        let (attempt, _) = self.handles(number);
        assert_eq!(attempt, *attempts);
        attempt
    }

    /// Waits for its time and tries one entry, to see if an outage is over.
    fn probes(&mut self) -> u64 {
        self.now = self.waits().expect("a time for the next probe");
        self.records();
        match self.next() {
            Next::Do(Action::Handle { position, .. }) => position.get(),
            next => panic!("{next:?}"),
        }
    }

    fn asks(&mut self, command: Command) {
        let request = Request {
            id: RequestId::new(7),
            subscription: "refunds".to_owned(),
            command,
            reason: "because".to_owned(),
            requested_at: self.now,
            replayed: None,
            answer: None,
        };
        self.learn(Input::Requested { requests: vec![request] });
    }
}

fn answered(changed: u64) -> Change {
    Change::Answer { request: RequestId::new(7), answer: Answer::Done { changed } }
}

#[test]
fn an_entry_is_handled_with_the_cursor_in_its_transaction() {
    let mut play = Play::given(3, vec![seen(1, "a"), seen(2, "b")]);
    assert_eq!(play.handles(1), (1, vec![advance(1)]));
    assert_eq!(play.waits(), None);
    play.handled(1);
    assert_eq!(play.handles(2), (1, vec![advance(2)]));
    play.handled(2);
    assert_eq!(play.waits(), None);
}

#[test]
fn a_failed_entry_leaves_the_way_and_other_keys_flow() {
    let mut play = Play::given(3, vec![seen(1, "a"), seen(2, "b")]);
    let changes = play.sets_aside(1);
    let retrying = SetAsideState::Retrying { next_attempt_at: at(4) };
    let entry = SetAside { failure: Some(failure()), ..set_aside(1, "a", retrying) };
    assert_eq!(changes, [Change::SetAside(entry), advance(1)]);
    play.handles(2);
    play.handled(2);
    assert_eq!(play.waits(), Some(at(4)));
}

#[test]
fn later_entries_of_a_failed_key_wait_behind_it_and_follow_in_order() {
    let entries = vec![seen(1, "a"), seen(2, "a"), seen(3, "b"), seen(4, "a")];
    let mut play = Play::given(9, entries);
    play.sets_aside(1);
    let behind = play.records();
    let queued = |number| {
        Change::SetAside(SetAside { attempts: 0, ..set_aside(number, "a", SetAsideState::Queued) })
    };
    assert_eq!(behind, [queued(2), queued(4), advance(2)]);
    play.handles(3);
    play.handled(3);
    assert_eq!(play.waits(), Some(at(1)), "for the cursor to be stored");
    play.now = at(4);
    for number in [1, 2, 4] {
        play.tries_again(number);
        play.handled(number);
    }
    assert_eq!(play.waits(), None);
    assert_eq!(play.follower.set_aside.len(), 0);
}

/// If a term ended before a large transaction commits, the next one would begin with the same transaction.
#[test]
fn what_waits_behind_a_failed_key_is_recorded_in_small_transactions() {
    const ENTRIES: usize = 1_000;
    let mut play = Play::given(9, (1..=ENTRIES as u64).map(|n| seen(n, "a")).collect());
    let mut recorded = play.sets_aside(1).len() - 1;
    while recorded < ENTRIES {
        let changes = play.records();
        let part = changes.iter().filter(|change| matches!(change, Change::SetAside(_))).count();
        assert!((1..=100).contains(&part), "{part} at once");
        recorded += part;
    }
}

#[test]
fn an_entry_without_a_key_holds_nobody_up() {
    let keyless = |number| Seen { key: None, ..seen(number, "") };
    let mut play = Play::given(3, vec![keyless(1), keyless(2)]);
    play.sets_aside(1);
    play.handles(2);
}

#[test]
fn the_last_attempt_parks_and_its_key_stays_held() {
    let mut play = Play::given(2, vec![seen(1, "a")]);
    play.sets_aside(1);
    play.now = at(5);
    assert_eq!(play.tries_again(1), 2);
    play.fails(1);
    assert!(matches!(&play.records()[..], [Change::SetAside(entry)]
        if entry.state == SetAsideState::Parked && entry.attempts == 2));
    play.reads(vec![seen(2, "a")]);
    assert!(matches!(&play.records()[..], [Change::SetAside(entry), Change::Advance { .. }]
        if entry.state == SetAsideState::Queued));
}

#[test]
fn what_cannot_end_otherwise_is_parked_at_once() {
    for (failure, verdict) in [
        (Failure::new(FailureClass::Undecodable, "no such field"), Verdict::Again),
        (failure(), Verdict::Never),
    ] {
        let mut play = Play::given(9, vec![seen(1, "a")]);
        play.handles(1);
        play.fails_as(1, failure, verdict);
        assert!(matches!(&play.records()[0], Change::SetAside(entry)
            if entry.state == SetAsideState::Parked));
    }
}

#[test]
fn who_names_a_time_is_not_asked_before_and_not_more_often() {
    let mut play = Play::given(2, vec![seen(1, "a")]);
    play.handles(1);
    play.fails_as(1, failure(), Verdict::After(Duration::from_secs(60)));
    play.records();
    assert_eq!(play.waits(), Some(at(60)));
    play.now = at(60);
    play.tries_again(1);
    play.fails_as(1, failure(), Verdict::After(Duration::from_secs(60)));
    assert!(matches!(&play.records()[0], Change::SetAside(entry)
        if entry.state == SetAsideState::Parked));
}

#[test]
fn a_backlog_and_failing_keys_take_turns() {
    let mut play = Play::given(9, (1..=6).map(|n| seen(n, &n.to_string())).collect());
    play.sets_aside(1);
    play.sets_aside(2);
    play.now = at(9); // both are due again, and there is a backlog
    play.tries_again(1);
    play.handled(1);
    play.handles(3);
    play.handled(3);
    play.tries_again(2);
    play.handled(2);
    play.handles(4);
}

#[test]
fn keys_that_keep_failing_do_not_keep_the_log_from_being_read() {
    let mut play = Play::given(99, vec![seen(1, "a"), seen(2, "b")]);
    play.sets_aside(1);
    play.sets_aside(2);
    play.now = at(4);
    play.learn(Input::Woken { head: position(3) });
    play.tries_again(1);
    assert_eq!(play.next(), Next::Do(Action::Read { after: position(2) }));
    play.learn(Input::Read { entries: vec![seen(3, "c")] });
    play.fails(1);
    play.records();
    play.handles(3);
}

#[test]
fn entries_that_are_passed_by_are_not_worth_a_write_each() {
    let mut play = Play::given(3, vec![miss(1), miss(2), seen(3, "a"), miss(4)]);
    play.handles(3);
    play.handled(3);
    assert_eq!(play.waits(), Some(at(1)));
    play.now = at(1);
    assert_eq!(play.records(), [advance(4)]);
    assert_eq!(play.waits(), None);
}

#[test]
fn what_was_passed_by_is_saved_before_the_end() {
    let mut play = Play::given(3, vec![miss(1), miss(2)]);
    play.follower.stop();
    assert_eq!(play.records(), [advance(2)]);
    assert_eq!(play.next(), Next::Over);
}

#[test]
fn what_is_under_way_is_finished_before_the_end() {
    let mut play = Play::given_lanes(3, 2, vec![seen(1, "a"), seen(2, "b"), seen(3, "c")]);
    play.handles(1);
    play.handles(2);
    play.follower.stop();
    assert_eq!(play.waits(), None);
    play.handled(2);
    play.handled(1);
    assert_eq!(play.records(), [advance(2), Change::Forget { up_to: position(2) }]);
    assert_eq!(play.next(), Next::Over);
}

#[test]
fn a_new_owner_goes_on_with_what_was_set_aside() {
    let next_attempt_at = at(3);
    let set_aside = vec![
        set_aside(1, "a", SetAsideState::Retrying { next_attempt_at }),
        set_aside(2, "a", SetAsideState::Queued),
    ];
    let mut play = Play::new(Term { set_aside, ..term(2) }, 12, 1);
    play.reads(vec![seen(3, "a")]);
    play.records();
    assert_eq!(play.waits(), Some(next_attempt_at));
    play.now = at(3);
    assert_eq!(play.tries_again(1), 2);
}

#[test]
fn an_entry_set_aside_by_a_clock_that_was_ahead_is_tried_again_now() {
    let far = SetAsideState::Retrying { next_attempt_at: at(86_400) };
    let set_aside = vec![set_aside(1, "a", far)];
    let mut play = Play::new(Term { set_aside, ..term(1) }, 12, 1);
    play.tries_again(1);
}

#[test]
fn a_head_that_cannot_be_read_is_waited_for() {
    let mut play = Play::new(term(0), 3, 1);
    play.learn(Input::Woken { head: position(7) });
    assert_eq!(play.next(), Next::Do(Action::Read { after: Position::START }));
    play.learn(Input::Read { entries: vec![] });
    assert_eq!(play.waits(), None);
}

#[test]
fn lanes_are_handled_at_once_with_receipts_and_swept_when_all_is_done() {
    let entries = vec![seen(1, "a"), seen(2, "a"), seen(3, "b"), seen(4, "c"), seen(5, "d")];
    let mut play = Play::given_lanes(3, 3, entries);
    assert_eq!(play.handles(1), (1, vec![receipt(1)]));
    assert_eq!(play.handles(3), (1, vec![receipt(3)]));
    assert_eq!(play.handles(4), (1, vec![receipt(4)]));
    assert_eq!(play.waits(), None, "three lanes are three");
    play.handled(3);
    assert_eq!(play.handles(5), (1, vec![receipt(5)]));
    play.handled(1);
    assert_eq!(play.handles(2), (1, vec![receipt(2)]));
    for number in [5, 4, 2] {
        play.handled(number);
    }
    assert_eq!(play.records(), [advance(5), Change::Forget { up_to: position(5) }]);
    assert_eq!(play.waits(), None);
}

#[test]
fn a_slow_entry_holds_the_cursor_and_nobody_else() {
    let entries = (1..=300).map(|number| seen(number, &number.to_string())).collect();
    let mut play = Play::given_lanes(3, 2, entries);
    play.handles(1);
    for number in 2..=300 {
        play.handles(number);
        play.handled(number);
    }
    assert_eq!(play.waits(), None);
    play.handled(1);
    assert_eq!(play.records(), [advance(300), Change::Forget { up_to: position(300) }]);
}

#[test]
fn receipts_are_swept_now_and_then() {
    let entries = (1..=300).map(|number| seen(number, &number.to_string())).collect();
    let mut play = Play::given_lanes(3, 2, entries);
    let mut next = 1;
    let swept = loop {
        match play.next() {
            Next::Do(Action::Handle { position, .. }) => {
                assert_eq!(position.get(), next);
                play.handled(next);
                next += 1;
            }
            Next::Do(Action::Record { changes }) => break changes,
            next => panic!("{next:?}"),
        }
    };
    assert_eq!(swept, [advance(100), Change::Forget { up_to: position(100) }]);
}

#[test]
fn a_new_owner_passes_by_what_has_a_receipt() {
    let receipts = vec![position(2), position(3)];
    let mut play = Play::new(Term { receipts, ..term(0) }, 3, 2);
    play.reads(vec![seen(1, "a"), seen(2, "b"), seen(3, "c"), seen(4, "d")]);
    play.handles(1);
    play.handles(4);
    play.handled(1);
    play.now = at(1);
    assert_eq!(play.records(), [advance(3), Change::Forget { up_to: position(3) }]);
}

#[test]
fn what_an_owner_that_went_may_have_had_under_way_is_tried_one_by_one_on_record() {
    let mut play = Play::new(Term { is_handed_over: false, ..term(0) }, 3, 2);
    play.reads(vec![seen(1, "a"), seen(2, "a"), seen(3, "b"), seen(4, "c")]);
    assert_eq!(play.tries_again(1), 1);
    assert_eq!(play.waits(), None, "it is alone");
    play.handled(1);
    assert_eq!(play.tries_again(3), 1);
    play.handled(3);
    play.handles(2);
    play.handles(4);
}

#[test]
fn an_entry_that_ends_the_process_again_and_again_is_parked() {
    let crashed = |attempts| {
        let next_attempt_at = at(0);
        let failure = Some(Failure::new(FailureClass::Crash, "the process ended"));
        let entry = set_aside(1, "a", SetAsideState::Retrying { next_attempt_at });
        vec![SetAside { attempts, failure, ..entry }]
    };
    let set_aside = crashed(1);
    let mut play = Play::new(Term { set_aside, is_handed_over: false, ..term(1) }, 2, 1);
    play.learn(Input::Woken { head: position(1) });
    assert_eq!(play.tries_again(1), 2);
    // And the process ends again.
    let set_aside = crashed(2);
    let mut play = Play::new(Term { set_aside, is_handed_over: false, ..term(1) }, 2, 1);
    play.learn(Input::Woken { head: position(1) });
    assert!(matches!(&play.records()[..], [Change::SetAside(entry)]
        if entry.attempts == 2 && entry.state == SetAsideState::Parked));
    assert_eq!(play.waits(), None);
}

#[test]
fn when_everything_fails_one_entry_is_tried_now_and_then_and_loses_nothing_by_it() {
    let entries = (1..=30).map(|number| seen(number, &number.to_string())).collect();
    let mut play = Play::given(3, entries);
    for number in 1..=10 {
        play.sets_aside(number);
    }
    assert_eq!(play.waits(), Some(at(1)), "the eleventh is not tried");
    for _ in 0..20 {
        let probed = play.probes();
        play.fails(probed);
        assert!(matches!(&play.records()[..], [Change::SetAside(entry)]
            if entry.attempts <= 1 && entry.state != SetAsideState::Parked));
    }
    let probed = play.probes();
    play.handled(probed);
    play.now = at(0); // nothing else is due
    play.handles(21);
}

/// What failed and what is new take turns, or ten that are poisoned would hold up everything.
#[test]
fn ten_poisoned_entries_of_as_many_keys_hold_up_nobody_else() {
    let entries = (1..=30).map(|number| seen(number, &number.to_string())).collect();
    let mut play = Play::given(3, entries);
    for number in 1..=10 {
        play.sets_aside(number);
    }
    for _ in 0..2 {
        let probed = play.probes();
        if probed > 10 {
            play.handled(probed);
            play.now = at(0); // nothing else is due
            play.handles(probed + 1);
            return;
        }
        play.fails(probed);
        play.records();
    }
    panic!("two probes, and neither was new");
}

#[test]
fn who_is_refused_for_good_has_been_answered_and_is_no_sign_of_an_outage() {
    let entries = (1..=30).map(|number| seen(number, &number.to_string())).collect();
    let mut play = Play::given(3, entries);
    for number in 1..=20 {
        play.handles(number);
        play.fails_as(number, failure(), Verdict::Never);
        play.records();
    }
    play.handles(21);
}

#[test]
fn a_paused_subscription_begins_nothing_until_it_is_resumed() {
    let mut play = Play::given_lanes(3, 2, vec![seen(1, "a"), seen(2, "b"), seen(3, "c")]);
    play.handles(1);
    play.asks(Command::Pause);
    assert_eq!(play.waits(), None, "what is under way ends first");
    play.handled(1);
    let pause = Change::Pause { reason: "because".to_owned() };
    let swept = [advance(1), Change::Forget { up_to: position(1) }];
    assert_eq!(play.records(), [&[pause, answered(1)][..], &swept].concat());
    assert_eq!(play.waits(), None);
    play.asks(Command::Resume);
    assert_eq!(play.records(), [Change::Resume, answered(1)]);
    play.handles(2);
}

#[test]
fn a_subscription_that_was_paused_stays_so_under_the_next_owner() {
    let mut play = Play::new(Term { paused: true, ..term(0) }, 3, 1);
    play.learn(Input::Woken { head: position(3) });
    assert_eq!(play.waits(), None);
}

#[test]
fn a_parked_entry_is_tried_again_on_request_as_often_as_a_new_one() {
    let set_aside = vec![set_aside(1, "a", SetAsideState::Parked)];
    let mut play = Play::new(Term { set_aside, ..term(1) }, 3, 1);
    assert_eq!(play.waits(), None);
    play.asks(Command::Retry(Which::Parked { class: None, at_most: 10 }));
    let changes = play.records();
    assert!(matches!(&changes[..], [Change::SetAside(entry), answer]
        if entry.attempts == 0 && *answer == answered(1)));
    assert_eq!(play.tries_again(1), 1);
}

#[test]
fn a_skipped_entry_is_taken_for_handled_and_the_next_of_its_key_follows() {
    let set_aside =
        vec![set_aside(1, "a", SetAsideState::Parked), set_aside(2, "a", SetAsideState::Queued)];
    let mut play = Play::new(Term { set_aside, ..term(2) }, 3, 1);
    play.asks(Command::Skip(Which::Key("a".to_owned())));
    let settle = Change::Settle { position: position(1) };
    assert_eq!(play.records(), [settle, answered(1)]);
    play.tries_again(2);
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let set_aside =
        vec![set_aside(1, "a", SetAsideState::Parked), set_aside(2, "a", SetAsideState::Queued)];
    let mut play = Play::new(Term { set_aside, ..term(2) }, 3, 1);
    for (command, why) in [
        (Command::Skip(Which::Entry(position(9))), "entry 9 is not set aside"),
        (
            Command::Retry(Which::Entry(position(2))),
            "entry 2 waits behind an earlier one of its key",
        ),
        (Command::Retry(Which::Key("z".to_owned())), "no entry of key `z` is set aside"),
        (Command::Seek { to: position(9) }, "the log goes up to 2, and not to 9"),
        (
            Command::Unreadable { why: "`rewind` is no command".to_owned() },
            "the request cannot be read: `rewind` is no command",
        ),
    ] {
        play.asks(command);
        let answer = Answer::Refused { why: why.to_owned() };
        assert_eq!(play.records(), [Change::Answer { request: RequestId::new(7), answer }]);
    }
}

#[test]
fn a_seek_ends_the_term() {
    let mut play = Play::given(3, vec![seen(1, "a"), seen(2, "b")]);
    play.handles(1);
    play.handled(1);
    play.asks(Command::Seek { to: Position::START });
    assert_eq!(play.records(), [Change::Seek { to: Position::START }, answered(1)]);
    assert_eq!(play.next(), Next::Over);
}

#[test]
fn a_page_is_replayed_once_and_nothing_begins_until_that_it_is_put_up_is_recorded() {
    let mut play = Play::new(term(2), 3, 2);
    play.reads(vec![seen(3, "a"), seen(4, "a")]);
    play.asks(Command::Replay { first: position(1), last: position(2) });
    play.records();
    play.handles(3);
    let (after, last) = (Position::START, position(2));
    assert_eq!(play.next(), Next::Do(Action::ReadAgain { after, last }));
    play.learn(Input::ReadAgain { entries: vec![seen(1, "a"), miss(2)] });
    play.waits();
    play.handled(3);
    assert!(matches!(play.next(), Next::Do(Action::Record { .. })));
    play.waits();
    play.learn(Input::Recorded);
    assert_eq!(play.tries_again(1), 1);
}

#[test]
fn after_a_stop_nothing_begins_although_the_pause_is_still_being_recorded() {
    let mut play = Play::given_lanes(3, 2, vec![seen(1, "a"), seen(2, "b"), seen(3, "c")]);
    play.handles(1);
    play.handles(2);
    play.fails_as(1, failure(), Verdict::Stop);
    let Next::Do(Action::Record { changes }) = play.next() else { panic!("not recorded") };
    assert!(matches!(&changes[..], [Change::Pause { .. }, Change::SetAside(_), ..]), "{changes:?}");
    play.handled(2);
    play.waits();
}

#[test]
fn each_entry_of_a_batch_that_ended_the_process_is_tried_alone_also_those_of_one_key() {
    let term = Term { is_handed_over: false, ..term(0) };
    let mut play = Play::new(term, 3, 1);
    play.follower = play.follower.in_batches_of(3);
    let together = |number| Seen { in_batch: true, ..seen(number, "a") };
    play.reads(vec![together(1), together(2), together(3)]);
    for number in 1..=3 {
        assert_eq!(play.tries_again(number), 1);
        play.handled(number);
    }
}

/// The first entry waits for its next attempt, and the term ends before it records that the other one
/// waits behind it.
#[test]
fn the_second_of_a_key_in_a_batch_that_ended_the_process_is_suspected_until_that_is_on_record() {
    let mut play = Play::new(Term { is_handed_over: false, ..term(0) }, 3, 1);
    play.follower = play.follower.in_batches_of(3);
    let together = |number| Seen { in_batch: true, ..seen(number, "a") };
    play.reads(vec![together(1), together(2)]);
    assert_eq!(play.tries_again(1), 1);
    assert!(play.follower.is_suspicious());
    let first = set_aside(1, "a", SetAsideState::Retrying { next_attempt_at: at(8) });
    let left = Term { set_aside: vec![first], is_handed_over: false, ..term(1) };
    let mut play = Play::new(left, 3, 1);
    play.follower = play.follower.in_batches_of(3);
    play.reads(vec![together(2)]);
    assert!(matches!(play.next(), Next::Do(Action::Record { .. })));
    assert!(play.follower.is_suspicious(), "it is not recorded yet");
    play.learn(Input::Recorded);
    assert!(!play.follower.is_suspicious());
}

#[test]
fn a_replay_is_answered_when_what_was_parked_was_tried_too() {
    let parked = set_aside(1, "a", SetAsideState::Parked);
    let mut play = Play::new(Term { set_aside: vec![parked], ..term(1) }, 3, 1);
    play.learn(Input::Woken { head: position(1) });
    play.asks(Command::Replay { first: position(1), last: position(1) });
    play.records();
    assert!(matches!(play.next(), Next::Do(Action::ReadAgain { .. })));
    play.learn(Input::ReadAgain { entries: vec![seen(1, "a")] });
    play.records();
    assert_eq!(play.tries_again(1), 1);
    play.waits();
    play.handled(1);
    assert_eq!(play.records(), [answered(1)]);
}

#[test]
fn an_attempt_that_a_stop_came_before_is_not_made() {
    let retrying = SetAsideState::Retrying { next_attempt_at: at(8) };
    let set_aside = vec![set_aside(1, "a", retrying), set_aside(2, "b", retrying)];
    let mut play = Play::new(Term { set_aside, ..term(2) }, 3, 8);
    play.reads(vec![seen(3, "c"), seen(4, "d")]);
    play.handles(3);
    play.now = at(8);
    assert!(matches!(play.next(), Next::Do(Action::Record { .. })));
    play.handles(4);
    play.waits();
    play.fails_as(3, failure(), Verdict::Stop);
    play.learn(Input::Recorded);
    let recorded = play.records();
    let tried = |change: &Change| matches!(change, Change::SetAside(it) if it.position.get() == 2);
    assert!(!recorded.iter().any(tried), "{recorded:?}");
}

#[test]
fn a_replay_that_begins_while_the_page_of_another_is_read_has_it_not_read_twice() {
    let mut play = Play::new(term(2), 3, 1);
    play.learn(Input::Woken { head: position(2) });
    play.asks(Command::Replay { first: position(1), last: position(2) });
    play.records();
    assert!(matches!(play.next(), Next::Do(Action::ReadAgain { .. })));
    play.asks(Command::Replay { first: position(2), last: position(2) });
    play.records();
    play.waits();
}

#[test]
fn events_that_only_another_program_knows_are_no_outage_however_many_they_are() {
    let entries = (1..=13).map(|number| seen(number, &number.to_string())).collect();
    let mut play = Play::given(3, entries);
    for number in 1..=12 {
        play.handles(number);
        let unknown = Failure::new(FailureClass::UnknownType, "no handler");
        play.fails_as(number, unknown, Verdict::Again);
        play.records();
    }
    assert_eq!(play.handles(13), (1, vec![advance(13)]));
}

#[test]
fn who_may_have_ended_the_process_is_tried_on_record_before_anything_of_its_key_is_replayed() {
    let term = Term { is_handed_over: false, ..term(1) };
    let mut play = Play::new(term, 3, 1);
    play.learn(Input::Woken { head: position(2) });
    play.asks(Command::Replay { first: position(1), last: position(1) });
    play.records();
    play.reads(vec![seen(2, "a")]);
    assert_eq!(play.tries_again(2), 1);
    play.handled(2);
    assert!(matches!(play.next(), Next::Do(Action::ReadAgain { .. })));
}

/// The program before this one had no handler for it, and had begun with a later one of its key.
#[test]
fn an_entry_that_turns_out_to_be_wanted_waits_for_a_later_one_of_its_key_that_is_being_tried() {
    let retrying =
        |number| set_aside(number, "a", SetAsideState::Retrying { next_attempt_at: at(0) });
    let left = Term { set_aside: vec![retrying(5), retrying(6)], ..term(0) };
    let mut play = Play::new(left, 9, 4);
    play.learn(Input::Woken { head: position(6) });
    assert_eq!(play.tries_again(5), 2);
    assert!(matches!(play.next(), Next::Do(Action::Read { .. })));
    play.learn(Input::Read { entries: vec![seen(3, "a"), seen(5, "a"), seen(6, "a")] });
    assert!(matches!(
        play.records()[..],
        [Change::SetAside(SetAside { state: SetAsideState::Queued, .. }), ..]
    ));
    play.waits();
    play.handled(5);
    assert_eq!(play.tries_again(3), 1);
}
