//! Entries that are sent.

use super::*;

fn unconfirmed() -> Failure {
    Failure::new(FailureClass::Unconfirmed, "the session has ended")
}

fn unknown() -> Sent {
    Sent::Unknown { failure: unconfirmed(), random: 4_000_000 }
}

fn unroutable() -> Sent {
    refused_as(FailureClass::Unroutable)
}

fn refused_as(class: FailureClass) -> Sent {
    let failure = Failure::new(class, "no");
    Sent::Failed { failure, verdict: Verdict::Again, random: 4_000_000 }
}

impl Play {
    /// A machine that sends, and was just given these entries.
    fn given_to_send(entries: Vec<Seen>) -> Self {
        let mut play = Self::new(term(0), 9, 1);
        play.follower = play.follower.sending();
        play.reads(entries);
        play
    }

    #[track_caller]
    fn sends(&mut self, numbers: &[u64]) {
        match self.next() {
            Next::Do(Action::Handle { position, rest, .. }) => {
                let sent = std::iter::once(position).chain(rest).map(Position::get);
                assert_eq!(sent.collect::<Vec<_>>(), numbers);
            }
            next => panic!("{next:?}, not {numbers:?}"),
        }
    }

    fn hears(&mut self, outcomes: Vec<(u64, Sent)>) {
        let outcomes = outcomes.into_iter().map(|(number, sent)| (position(number), sent));
        self.learn(Input::Sent { outcomes: outcomes.collect(), is_heard: true });
    }

    /// There is nobody to send these to.
    fn finds_nobody(&mut self, numbers: &[u64]) {
        let outcomes = numbers.iter().map(|number| (position(*number), unknown())).collect();
        self.learn(Input::Sent { outcomes, is_heard: false });
    }

    /// Their session ends, and it is time to send again.
    fn loses(&mut self, numbers: &[u64]) {
        self.hears(numbers.iter().map(|number| (*number, unknown())).collect());
        self.now = self.now.plus(LONGEST_PAUSE);
    }

    /// What is due by then is tried: until the first attempt is on record.
    #[track_caller]
    fn tries_by(&mut self, seconds: i64) {
        self.now = at(seconds);
        self.records();
    }
}

/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

fn keyless(count: u64) -> Vec<Seen> {
    (1..=count).map(|number| Seen { key: None, ..seen(number, "") }).collect()
}

#[test]
fn the_first_of_each_key_are_sent_together_and_the_cursor_follows() {
    let mut play = Play::given_to_send(vec![seen(1, "a"), seen(2, "b"), seen(3, "a")]);
    play.sends(&[1, 2]);
    assert_eq!(play.waits(), None);
    play.hears(vec![(1, Sent::Delivered), (2, Sent::Delivered)]);
    assert_eq!(play.records(), [advance(2)]);
    play.sends(&[3]);
}

#[test]
fn whoever_is_in_the_session_that_another_entry_ends_loses_no_attempt() {
    let mut play = Play::given_to_send(vec![seen(1, "a")]);
    play.sends(&[1]);
    play.reads(vec![seen(2, "b")]);
    play.sends(&[2]);
    play.loses(&[1]);
    assert_eq!(play.waits(), None, "it is not known which of them it was");
    play.loses(&[2]);
    play.sends(&[1]);
    assert_eq!(play.waits(), None, "nothing is beside one that may end sessions");
    play.hears(vec![(1, Sent::Delivered)]);
    assert_eq!(play.records(), [advance(1)]);
    play.sends(&[2]);
    play.loses(&[2]);
    assert!(matches!(&play.records()[..], [Change::SetAside(entry), ..]
        if entry.position == position(2) && entry.attempts == 1));
}

#[test]
fn one_that_ends_each_session_is_found_however_many_others_are_confirmed() {
    let mut play = Play::given_to_send(keyless(8));
    play.sends(&[1, 2, 3, 4, 5, 6, 7, 8]);
    play.loses(&[1, 2, 3, 4, 5, 6, 7, 8]);
    play.sends(&[1, 2, 3, 4]);
    let confirmed = (2..=4).map(|number| (number, Sent::Delivered));
    play.hears(std::iter::once((1, unknown())).chain(confirmed).collect());
    play.now = play.now.plus(LONGEST_PAUSE);
    play.sends(&[1]);
    play.loses(&[1]);
    assert!(matches!(&play.records()[..], [Change::SetAside(entry), Change::Advance { .. }]
        if entry.position == position(1) && entry.attempts == 1));
    play.sends(&[5]);
}

#[test]
fn one_that_was_set_aside_since_it_may_end_sessions_is_sent_with_nothing_beside_it() {
    let mut play = Play::given_to_send(vec![seen(1, "a")]);
    for _ in 0..2 {
        play.sends(&[1]);
        play.loses(&[1]);
    }
    play.records();
    play.reads(vec![seen(2, "b")]);
    play.sends(&[2]);
    play.now = at(60);
    play.reads(vec![seen(3, "c")]);
    assert_eq!(play.waits(), None, "nothing begins while it waits for nothing to be under way");
    play.hears(vec![(2, Sent::Delivered)]);
    play.records();
    play.sends(&[1]);
    assert_eq!(play.waits(), None, "and nothing begins beside it");
    play.hears(vec![(1, Sent::Delivered)]);
    play.sends(&[3]);
}

#[test]
fn one_that_was_refused_loses_no_attempt_with_a_session_that_is_not_its_own() {
    let mut play = Play::given_to_send(vec![seen(1, "a")]);
    play.sends(&[1]);
    play.hears(vec![(1, unroutable())]);
    play.records();
    play.reads(vec![seen(2, "b")]);
    play.sends(&[2]);
    play.tries_by(60);
    play.sends(&[1]);
    play.loses(&[1]);
    assert!(matches!(&play.records()[..], [Change::SetAside(entry)]
        if entry.attempts == 1 && entry.failure == Some(unconfirmed())));
}

#[test]
fn entries_that_nobody_would_receive_are_no_outage_however_many_they_are() {
    let mut play = Play::given_to_send(keyless(500));
    play.sends(&(1..=500).collect::<Vec<_>>());
    play.hears((1..=500).map(|number| (number, unroutable())).collect());
    play.records();
    play.reads(vec![seen(501, "a")]);
    play.sends(&[501]);
}

/// It would be no outage, and last for ever.
#[test]
fn an_outage_that_only_those_which_were_set_aside_are_in_ends_with_a_fresh_entry() {
    let mut play = Play::given_to_send(keyless(10));
    play.sends(&(1..=10).collect::<Vec<_>>());
    let rejected = |number| (number, refused_as(FailureClass::Rejected));
    play.hears((1..=10).map(rejected).collect());
    play.records();
    play.reads(vec![seen(11, "a"), seen(12, "b")]);
    let probed = play.probes();
    assert!(probed <= 10, "{probed} was not set aside");
    play.hears(vec![rejected(probed)]);
    play.records();
    assert_eq!(play.probes(), 11);
    play.hears(vec![(11, Sent::Delivered)]);
    play.sends(&[12]);
}

#[test]
fn no_more_is_sent_above_a_slow_entry_than_may_be_sent_again() {
    let slow = vec![seen(1, "a")];
    let far = Seen { position: position(20_000), ..seen(2, "b") };
    let mut play = Play::given_to_send(slow);
    play.sends(&[1]);
    play.reads(vec![far]);
    assert_eq!(play.waits(), None);
    play.hears(vec![(1, Sent::Delivered)]);
    assert_eq!(play.records(), [advance(19_999)]);
    play.sends(&[20_000]);
}

#[test]
fn while_nobody_is_there_nothing_is_counted_and_nothing_set_aside() {
    let mut play = Play::given_to_send(vec![seen(1, "a")]);
    for _ in 0..20 {
        play.sends(&[1]);
        play.finds_nobody(&[1]);
        play.now = play.waits().expect("a time to look again");
    }
    play.sends(&[1]);
    play.hears(vec![(1, Sent::Delivered)]);
    assert_eq!(play.records(), [advance(1)]);
}
