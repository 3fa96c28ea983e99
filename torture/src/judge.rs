//! Whether what writers were told and what readers saw can both be true of the log.

use std::collections::HashMap;

use crate::history::{History, Transaction};
use crate::mark::{Key, Mark};
use crate::moment::Moment;
use crate::sightings::Sightings;
use crate::verdict::Verdict;

/// Judges the log as it is in the end: positions, in ascending order, and what stands there. Where it
/// is [nothing](Mark::NOTHING), and the log says so, that is no gap.
pub fn judge(history: &History, sightings: &Sightings, log: &[(u64, Mark)]) -> Verdict {
    let verdict =
        Verdict { gaps: sightings.gaps, renumbered: sightings.renumbered, ..Verdict::default() };
    let mut judge = Judge { history, sightings, log, verdict };
    judge.look_for_gaps();
    judge.look_for_ghosts();
    judge.count_copies();
    judge.compare_with_sightings();
    judge.check_keys();
    judge.check_causes();
    judge.verdict
}

struct Judge<'a> {
    history: &'a History,
    sightings: &'a Sightings,
    log: &'a [(u64, Mark)],
    verdict: Verdict,
}

impl Judge<'_> {
    fn look_for_gaps(&mut self) {
        let mut expected = 1;
        for &(position, _) in self.log {
            if position > expected {
                self.verdict.gaps += position - expected;
                self.verdict.tell("gap", || format!("nothing from {expected} to {}", position - 1));
            }
            expected = position + 1;
        }
    }

    fn look_for_ghosts(&mut self) {
        for (position, mark) in events(self.log) {
            if !self.is_known(mark) {
                self.verdict.ghosts += 1;
                self.verdict.tell("ghost", || format!("{mark} at {position}"));
            }
        }
    }

    /// Whether it is an event of a transaction that was to be committed.
    fn is_known(&self, mark: Mark) -> bool {
        self.transaction(mark).is_some_and(|transaction| {
            let events = transaction.first..transaction.first.at(transaction.events);
            events.contains(&mark)
        })
    }

    fn transaction(&self, mark: Mark) -> Option<&Transaction> {
        self.history.find(mark.transaction())
    }

    /// Marks of one transaction are neighbours, so that sorting brings together what belongs together.
    fn count_copies(&mut self) {
        let mut marks: Vec<Mark> = events(self.log).map(|(_, mark)| mark).collect();
        marks.sort_unstable();
        let all = marks.len();
        marks.dedup();
        self.verdict.duplicates = count(all - marks.len());
        for transaction in self.history.transactions() {
            let begin = marks.partition_point(|mark| *mark < transaction.first);
            let end = transaction.first.at(transaction.events);
            let present = marks[begin..].partition_point(|mark| *mark < end);
            self.miss(transaction, u64::from(transaction.events) - count(present));
        }
    }

    /// A transaction of which nobody knows whether it was committed may be absent, but not in part.
    fn miss(&mut self, transaction: &Transaction, absent: u64) {
        let is_absent = absent == u64::from(transaction.events);
        if absent > 0 && !(is_absent && transaction.acknowledged.is_none()) {
            self.verdict.missing += absent;
            let id = transaction.first.transaction();
            self.verdict.tell("missing", || format!("{absent} events of transaction {id}"));
        }
    }

    fn compare_with_sightings(&mut self) {
        for &(position, mark) in self.log {
            if self.sightings.contradict(position, mark) {
                self.verdict.renumbered += 1;
                self.verdict.tell("renumbered", || format!("{position} was not {mark}"));
            }
            let Some(acknowledged) = self.acknowledged(mark) else { continue };
            if !self.sightings.is_seen_by_all(position) {
                self.verdict.missing += 1;
                self.verdict.tell("missing", || format!("a reader went past {position}"));
            }
            let delay = self.sightings.delay(position, acknowledged).unwrap_or_default();
            self.verdict.longest_stall = self.verdict.longest_stall.max(delay);
        }
    }

    fn acknowledged(&self, mark: Mark) -> Option<Moment> {
        self.transaction(mark)?.acknowledged
    }

    fn check_keys(&mut self) {
        let mut last = HashMap::<Key, (u32, u32)>::new();
        for (position, mark) in events(self.log) {
            let place = mark.place();
            if last.insert(mark.key(), place).is_some_and(|before| before >= place) {
                self.verdict.key_inversions += 1;
                self.verdict.tell("key inversion", || format!("{} at {position}", mark.key()));
            }
        }
    }

    /// From the end to the beginning: whoever began after something further on was acknowledged
    /// should stand behind it.
    fn check_causes(&mut self) {
        let mut earliest = Moment::NEVER;
        for &(position, mark) in self.log.iter().rev() {
            let Some(transaction) = self.history.find(mark.transaction()) else { continue };
            if earliest < transaction.began {
                self.verdict.causal_inversions += 1;
                self.verdict.tell("causal inversion", || format!("{mark} at {position}"));
            }
            earliest = earliest.min(transaction.acknowledged.unwrap_or(Moment::NEVER));
        }
    }
}

fn events(log: &[(u64, Mark)]) -> impl Iterator<Item = (u64, Mark)> {
    log.iter().copied().filter(|&(_, mark)| mark != Mark::NOTHING)
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
