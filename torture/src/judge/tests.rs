use std::time::Duration;

use super::*;
use crate::history::TransactionId;

/// A made-up run: two writers, each transaction acknowledged before the next one begins, and two
/// readers who have seen everything at once.
struct Story {
    history: History,
    log: Vec<(u64, Mark)>,
    clock: u64,
}

const READERS: usize = 2;

impl Story {
    fn new() -> Self {
        Self { history: History::default(), log: Vec::new(), clock: 1_000 }
    }

    /// A writer's next transaction, committed, of so many events in its own key.
    fn commit(&mut self, writer: u16, number: u32, events: u32) -> Mark {
        let first = self.lose(writer, number, events);
        let at = self.tick();
        self.history.acknowledge(first.transaction(), at);
        self.append(first, events);
        first
    }

    /// A transaction whose writer never got an answer.
    fn lose(&mut self, writer: u16, number: u32, events: u32) -> Mark {
        let id = TransactionId::new(writer, number);
        let first = Mark::first(id, Key::of_writer(writer), number);
        let began = self.tick();
        self.history.expect(first, events, began);
        first
    }

    fn append(&mut self, first: Mark, events: u32) {
        (0..events).for_each(|index| self.push(first.at(index)));
    }

    fn push(&mut self, mark: Mark) {
        self.log.push((count(self.log.len()) + 1, mark));
    }

    fn tick(&mut self) -> Moment {
        self.clock += 10;
        Moment::from_micros(self.clock)
    }

    fn swap(&mut self, one: u64, other: u64) {
        let [one, other] = [one, other].map(|position| usize::try_from(position - 1).unwrap());
        let mark = self.log[one].1;
        self.log[one].1 = self.log[other].1;
        self.log[other].1 = mark;
    }

    fn seen_by_all(&mut self) -> Sightings {
        let mut sightings = Sightings::new(READERS);
        let at = self.tick();
        (0..READERS).for_each(|reader| sightings.see(reader, 0, &self.log, at));
        sightings
    }

    fn judged(mut self) -> Verdict {
        let sightings = self.seen_by_all();
        judge(&self.history, &sightings, &self.log)
    }
}

/// The verdict apart from what it says of stalls and in words.
fn counted(mut verdict: Verdict) -> Verdict {
    verdict.longest_stall = Duration::ZERO;
    verdict.examples.clear();
    verdict
}

fn good() -> Story {
    let mut story = Story::new();
    for number in 0..5 {
        story.commit(1, number, 3);
        story.commit(2, number, 1);
    }
    story
}

#[test]
fn a_log_that_has_what_was_acknowledged_in_order_is_fine() {
    let verdict = good().judged();
    assert_eq!(verdict.examples, [""; 0]);
    assert!(verdict.is_clean());
}

#[test]
fn an_empty_log_to_which_nothing_was_appended_is_fine() {
    assert_eq!(Story::new().judged(), Verdict::default());
}

#[test]
fn an_acknowledged_event_that_is_not_in_the_log_is_missing() {
    let mut story = good();
    story.log.pop();
    assert_eq!(counted(story.judged()), Verdict { missing: 1, ..Verdict::default() });
}

#[test]
fn an_event_that_one_reader_went_past_is_missing() {
    let mut story = good();
    let mut sightings = Sightings::new(READERS);
    let at = story.tick();
    sightings.see(0, 0, &story.log, at);
    sightings.see(1, 0, &story.log[..4], at);
    sightings.see(1, 5, &story.log[5..], at);
    let verdict = judge(&story.history, &sightings, &story.log);
    assert_eq!(counted(verdict), Verdict { missing: 1, ..Verdict::default() });
}

#[test]
fn a_transaction_without_an_answer_may_be_there_or_not() {
    let mut story = good();
    story.lose(3, 0, 4);
    let there = story.lose(3, 1, 4);
    story.append(there, 4);
    assert!(story.judged().is_clean());
}

#[test]
fn a_part_of_a_transaction_without_an_answer_is_missing() {
    let mut story = good();
    let torn = story.lose(3, 0, 4);
    story.append(torn, 3);
    assert_eq!(counted(story.judged()), Verdict { missing: 1, ..Verdict::default() });
}

#[test]
fn an_event_at_two_positions_is_a_duplicate() {
    let mut story = good();
    let (_, last) = *story.log.last().unwrap();
    story.push(last);
    let found = Verdict { duplicates: 1, key_inversions: 1, ..Verdict::default() };
    assert_eq!(counted(story.judged()), found);
}

#[test]
fn an_event_that_was_rolled_back_with_a_savepoint_is_a_ghost() {
    let mut story = good();
    let first = story.commit(3, 0, 2);
    story.push(first.doomed().at(2));
    assert_eq!(counted(story.judged()), Verdict { ghosts: 1, ..Verdict::default() });
}

#[test]
fn an_event_of_a_transaction_that_was_never_to_be_committed_is_a_ghost() {
    let mut story = good();
    story.append(Mark::first(TransactionId::new(7, 7), Key::of_writer(7), 0), 1);
    assert_eq!(counted(story.judged()), Verdict { ghosts: 1, ..Verdict::default() });
}

#[test]
fn more_events_than_a_transaction_had_are_ghosts() {
    let mut story = good();
    let first = story.commit(3, 0, 2);
    story.push(first.at(2));
    assert_eq!(counted(story.judged()), Verdict { ghosts: 1, ..Verdict::default() });
}

#[test]
fn a_position_without_an_entry_is_a_gap() {
    let mut story = good();
    story.log.iter_mut().skip(6).for_each(|entry| entry.0 += 2);
    let verdict = counted(story.judged());
    // Each reader has met it, and it is still there.
    let found = Verdict { gaps: 2 * (count(READERS) + 1), ..Verdict::default() };
    assert_eq!(verdict, found);
}

#[test]
fn a_position_at_which_a_reader_saw_something_else_is_renumbered() {
    let mut story = good();
    let sightings = story.seen_by_all();
    story.swap(1, 2);
    let verdict = judge(&story.history, &sightings, &story.log);
    assert_eq!(verdict.renumbered, 2);
}

#[test]
fn two_readers_who_saw_different_things_at_a_position_were_renumbered() {
    let mut story = good();
    let mut sightings = story.seen_by_all();
    let at = story.tick();
    sightings.see(1, 0, &[(1, story.log[1].1)], at);
    let verdict = judge(&story.history, &sightings, &story.log);
    assert_eq!(counted(verdict), Verdict { renumbered: 1, ..Verdict::default() });
}

#[test]
fn events_of_a_key_in_the_wrong_order_are_an_inversion() {
    let mut story = good();
    story.swap(2, 3);
    assert_eq!(counted(story.judged()), Verdict { key_inversions: 1, ..Verdict::default() });
}

#[test]
fn two_transactions_that_held_a_key_at_the_same_time_are_an_inversion() {
    let mut story = Story::new();
    for writer in [1, 2] {
        let first = Mark::first(TransactionId::new(writer, 0), Key::hot(1), 40);
        story.history.expect(first, 1, Moment::from_micros(1));
        story.append(first, 1);
    }
    assert_eq!(counted(story.judged()), Verdict { key_inversions: 1, ..Verdict::default() });
}

#[test]
fn an_event_before_one_that_was_acknowledged_when_it_began_is_a_causal_inversion() {
    let mut story = Story::new();
    story.commit(1, 0, 1);
    story.commit(2, 0, 1);
    story.swap(1, 2);
    assert_eq!(counted(story.judged()), Verdict { causal_inversions: 1, ..Verdict::default() });
}

#[test]
fn transactions_that_overlap_may_stand_in_any_order() {
    let mut story = Story::new();
    let [one, other] = [1, 2].map(|writer| story.lose(writer, 0, 1));
    for first in [other, one] {
        let at = story.tick();
        story.history.acknowledge(first.transaction(), at);
    }
    story.append(one, 1);
    story.append(other, 1);
    assert!(story.judged().is_clean());
}

#[test]
fn the_longest_stall_is_that_of_the_event_which_was_seen_last_after_its_acknowledgement() {
    let mut story = Story::new();
    story.commit(1, 0, 1);
    story.clock += 5_000;
    story.commit(1, 1, 1);
    let verdict = story.judged();
    assert_eq!(verdict.longest_stall, Duration::from_micros(5_030));
    assert!(verdict.is_clean());
}

#[test]
fn a_position_of_which_the_log_says_that_nothing_stands_there_is_nothing_to_blame() {
    let mut story = Story::new();
    story.commit(0, 1, 2);
    story.push(Mark::NOTHING);
    story.commit(0, 2, 2);
    story.push(Mark::NOTHING);
    assert!(story.judged().is_clean());
}

#[test]
fn an_event_that_was_seen_where_nothing_stands_in_the_end_is_renumbered() {
    let mut story = Story::new();
    story.lose(0, 1, 1);
    story.push(Mark::first(TransactionId::new(0, 1), Key::of_writer(0), 1));
    let sightings = story.seen_by_all();
    story.log[0].1 = Mark::NOTHING;
    assert_eq!(judge(&story.history, &sightings, &story.log).renumbered, 1);
}
