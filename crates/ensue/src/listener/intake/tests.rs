//! Single steps, and random schedules in which nothing may be lost, doubled or overtaken.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ensue_core::EventId;
use proptest::prelude::*;

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
    let Next::Do(Action::Bury { piece, message, failure: why, attempts }) = intake.next(at(0))
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

/// A broker that redelivers, a database that remembers, and handlers that fail now and then.
struct World {
    intake: Intake<u64>,
    /// Its lanes, and messages of a batch.
    size: (usize, usize),
    now: Duration,
    next_tag: u64,
    /// In the order in which they were raised, and whether they were delivered before.
    queue: VecDeque<(u64, bool)>,
    unacknowledged: BTreeMap<u64, u64>,
    receipts: BTreeSet<u64>,
    /// Those of suspects that were recorded.
    attempts: BTreeMap<u64, u32>,
    handled: Vec<u64>,
    dead: BTreeSet<u64>,
    under_way: Vec<(Piece, Work)>,
}

#[derive(Debug, Clone)]
enum Work {
    Handle {
        messages: Vec<u64>,
        attempt: u32,
        is_recorded: bool,
    },
    /// It has had its attempts.
    GiveUp {
        messages: Vec<u64>,
        attempts: u32,
    },
    Bury(u64),
}

impl Work {
    fn messages(&self) -> &[u64] {
        match self {
            Self::Handle { messages, .. } | Self::GiveUp { messages, .. } => messages,
            Self::Bury(message) => std::slice::from_ref(message),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Deliver(u8),
    Succeed(u8),
    Fail {
        piece: u8,
        at: u8,
        random: u64,
    },
    Refuse(u8),
    /// Before it begins, or at the commit, which may have happened all the same.
    Interrupt {
        piece: u8,
        upon: Option<bool>,
        random: u64,
    },
    Overrun {
        piece: u8,
        at: u8,
    },
    LoseSession,
    /// Of the process; nothing is left but what is stored.
    Crash,
    Pass(u8),
}

const KEYS: u64 = 4;

/// Whose handler never ends but with the connection.
fn is_poisonous(number: u64) -> bool {
    number % 13 == 5
}

/// Every seventh has none; every ninth calls the outside; every thirty-first is no event.
fn message(number: u64, tag: u64, is_redelivered: bool) -> Arrived<u64> {
    let lane = match number % 7 {
        0 => Lane::Event(EventId::named(&number.to_le_bytes())),
        _ => Lane::Key((number % KEYS).to_string()),
    };
    let kind = match (number % 31, number % 9) {
        (30, _) => Kind::Doomed(failure()),
        (_, 8) => Kind::Alone,
        _ => Kind::Together,
    };
    let sequence = Some(("shop".to_owned(), number));
    Arrived { tag: Tag(tag), is_redelivered, lane, sequence, kind, content: number }
}

impl World {
    fn new(messages: u64, width: usize, batch: usize) -> Self {
        Self {
            intake: Intake::new(POLICY, width, batch),
            size: (width, batch),
            now: Duration::ZERO,
            next_tag: 0,
            queue: (0..messages).map(|number| (number, false)).collect(),
            unacknowledged: BTreeMap::new(),
            receipts: BTreeSet::new(),
            attempts: BTreeMap::new(),
            handled: Vec::new(),
            dead: BTreeSet::new(),
            under_way: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Deliver(messages) => self.deliver(messages.into()),
            Step::Succeed(piece) => {
                if let Some((piece, work)) = self.take(piece) {
                    let outcome = self.work_off(&work);
                    self.intake.end(self.now, piece, outcome);
                }
            }
            Step::Fail { piece, at, random } => {
                let Some((piece, work)) = self.take(piece) else { return };
                let outcome = match work {
                    Work::Handle { messages, attempt, .. } => {
                        let at = usize::from(at) % messages.len();
                        let verdict = Verdict::Again;
                        Outcome::Failed { at, attempt, failure: failure(), verdict, random }
                    }
                    Work::GiveUp { .. } | Work::Bury(_) => interrupted(BEFORE),
                };
                self.intake.end(self.now, piece, outcome);
            }
            Step::Refuse(piece) => {
                if let Some((piece, _)) = self.take(piece) {
                    self.intake.end(self.now, piece, Outcome::Refused);
                }
            }
            Step::Interrupt { piece, upon, random } => {
                let Some((piece, work)) = self.take(piece) else { return };
                let upon = match (upon, &work) {
                    (Some(is_committed), Work::Handle { .. } | Work::Bury(_)) => {
                        if is_committed && !work.messages().iter().any(|it| is_poisonous(*it)) {
                            self.commit(&work);
                        }
                        Upon::Whole
                    }
                    (None, Work::Handle { attempt, is_recorded: true, .. }) => {
                        Upon::Nothing { recorded: Some(*attempt) }
                    }
                    (None, _) | (Some(_), Work::GiveUp { .. }) => BEFORE,
                };
                self.intake.end(self.now, piece, Outcome::Interrupted { upon, random });
            }
            Step::Overrun { piece, at } => {
                let Some((piece, work)) = self.take(piece) else { return };
                let outcome = match work.messages().len() {
                    1 => interrupted(BEFORE),
                    messages => Outcome::Overdue { at: 1 + usize::from(at) % (messages - 1) },
                };
                self.intake.end(self.now, piece, outcome);
            }
            Step::LoseSession => self.lose_session(),
            Step::Crash => {
                self.lose_session();
                self.under_way.clear();
                let (width, batch) = self.size;
                self.intake = Intake::new(POLICY, width, batch);
            }
            Step::Pass(millis) => self.now += at(u64::from(millis) * 20),
        }
        self.do_all();
    }

    fn deliver(&mut self, messages: usize) {
        for (number, is_redelivered) in self.queue.drain(..messages.min(self.queue.len())) {
            self.unacknowledged.insert(self.next_tag, number);
            self.intake.arrive(message(number, self.next_tag, is_redelivered));
            self.next_tag += 1;
        }
    }

    fn take(&mut self, piece: u8) -> Option<(Piece, Work)> {
        match self.under_way.len() {
            0 => None,
            pieces => Some(self.under_way.swap_remove(usize::from(piece) % pieces)),
        }
    }

    /// As well as it can be.
    fn work_off(&mut self, work: &Work) -> Outcome {
        let is_new = |number: &u64| !self.receipts.contains(number);
        match work {
            Work::Handle { messages, .. } => {
                let poison = |number: &u64| is_poisonous(*number) && is_new(number);
                if let Some(at) = messages.iter().position(poison) {
                    return interrupted(Upon::Handling { at });
                }
            }
            Work::GiveUp { messages, attempts } if messages.iter().all(is_new) => {
                let (attempt, verdict, random) = (*attempts, Verdict::Never, 0);
                return Outcome::Failed { at: 0, attempt, failure: failure(), verdict, random };
            }
            Work::GiveUp { .. } => return Outcome::Done { new: vec![false] },
            Work::Bury(_) => {}
        }
        Outcome::Done { new: self.commit(work) }
    }

    /// As the store counts it.
    fn begin_alone(&mut self, message: u64, attempt: Attempt) -> Work {
        let messages = vec![message];
        match attempt {
            Attempt::Number(attempt) => Work::Handle { messages, attempt, is_recorded: false },
            Attempt::Recorded(attempt) => Work::Handle { messages, attempt, is_recorded: true },
            Attempt::ToRecord => {
                let attempts = self.attempts.entry(message).or_default();
                *attempts += 1;
                match *attempts > ATTEMPTS_MAX {
                    true => Work::GiveUp { messages, attempts: *attempts - 1 },
                    false => Work::Handle { messages, attempt: *attempts, is_recorded: true },
                }
            }
        }
    }

    fn commit(&mut self, work: &Work) -> Vec<bool> {
        let mut new = Vec::new();
        for number in work.messages() {
            new.push(self.receipts.insert(*number));
            match (new.last(), work) {
                (Some(true), Work::Handle { .. }) => self.handled.push(*number),
                (Some(true), Work::Bury(_)) => drop(self.dead.insert(*number)),
                _ => {}
            }
        }
        new
    }

    /// Everything comes back in its order, before what was not delivered yet.
    fn lose_session(&mut self) {
        self.intake.lose_session();
        for (_, number) in std::mem::take(&mut self.unacknowledged).into_iter().rev() {
            self.queue.push_front((number, true));
        }
    }

    fn do_all(&mut self) {
        loop {
            let (piece, work) = match self.intake.next(self.now) {
                Next::Do(Action::Acknowledge { tags }) => {
                    for tag in tags {
                        let number = self.unacknowledged.remove(&tag.0);
                        let number = number.expect("a tag of another session");
                        assert!(self.receipts.contains(&number), "{number} before its commit");
                    }
                    continue;
                }
                Next::Do(Action::Together { piece, messages }) => {
                    (piece, Work::Handle { messages, attempt: 1, is_recorded: false })
                }
                Next::Do(Action::Alone { piece, message, attempt }) => {
                    (piece, self.begin_alone(message, attempt))
                }
                Next::Do(Action::Bury { piece, message, .. }) => (piece, Work::Bury(message)),
                Next::Wait { .. } => return,
                Next::Over => panic!("over before anybody has said so"),
            };
            self.assert_apart(&work);
            self.under_way.push((piece, work));
        }
    }

    fn assert_apart(&self, begun: &Work) {
        let lanes = |work: &Work| -> BTreeSet<_> {
            work.messages().iter().map(|number| message(*number, 0, false).lane).collect()
        };
        for (_, other) in &self.under_way {
            assert!(lanes(other).is_disjoint(&lanes(begun)), "{other:?} beside {begun:?}");
        }
    }

    /// From now on nothing goes wrong.
    fn finish(&mut self, messages: u64) {
        for _ in 0..20 * messages + 100 {
            let is_done = self.receipts.len() as u64 == messages && self.unacknowledged.is_empty();
            if is_done && self.intake.counts().waiting == 0 {
                break;
            }
            self.step(Step::Deliver(7));
            self.step(Step::Pass(255));
            self.step(Step::Succeed(0));
        }
        let all: BTreeSet<_> = (0..messages).collect();
        assert_eq!(self.receipts, all, "lost");
        assert!(self.unacknowledged.is_empty(), "{:?}", self.unacknowledged);
        assert_eq!(self.handled.len() + self.dead.len(), all.len());
        assert!(all.iter().all(|number| !is_poisonous(*number) || self.dead.contains(number)));
        let handled: BTreeSet<_> = self.handled.iter().copied().collect();
        assert_eq!(handled.len(), self.handled.len(), "handled twice");
        assert_eq!(self.intake.counts().waiting, 0);
        let mut last = BTreeMap::new();
        for number in &self.handled {
            if let Lane::Key(key) = message(*number, 0, false).lane {
                let before = last.insert(key, *number);
                assert!(before < Some(*number), "{number} after {before:?}");
            }
        }
        assert_eq!(self.intake.counts().out_of_order, 0);
    }
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..6_u8).prop_map(Step::Deliver),
        6 => any::<u8>().prop_map(Step::Succeed),
        3 => (any::<u8>(), any::<u8>(), any::<u64>())
            .prop_map(|(piece, at, random)| Step::Fail { piece, at, random }),
        1 => any::<u8>().prop_map(Step::Refuse),
        2 => (any::<u8>(), any::<Option<bool>>(), any::<u64>()).prop_map(
            |(piece, upon, random)| Step::Interrupt { piece, upon, random }
        ),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(piece, at)| Step::Overrun { piece, at }),
        1 => Just(Step::LoseSession),
        1 => Just(Step::Crash),
        3 => any::<u8>().prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_is_lost_or_handled_twice_or_overtaken_and_acknowledged_only_after_its_commit(
        steps in proptest::collection::vec(steps(), 0..120),
        messages in 1..60_u64,
        width in 1..4_usize,
        batch in 1..12_usize,
    ) {
        let mut world = World::new(messages, width, batch);
        for step in steps {
            world.step(step);
        }
        world.finish(messages);
    }
}
