//! What readers saw.

use std::time::Duration;

use crate::mark::Mark;
use crate::moment::Moment;

/// What readers that follow the log from its beginning have seen: at each position the event that was
/// seen there first, when that was, and who has been there.
///
/// LIMIT: 24 bytes and some bits for each position.
#[derive(Debug, Default)]
pub struct Sightings {
    marks: Vec<Mark>,
    /// [`NOT_SEEN`] where nobody has been.
    seen_at: Vec<Moment>,
    /// A bit for each position, for each reader.
    seen_by: Vec<Vec<u64>>,
    /// How often something else was seen than at first.
    pub(crate) renumbered: u64,
    /// How many positions readers found missing on their way.
    pub(crate) gaps: u64,
    outages: Vec<Outage>,
}

const NOT_SEEN: Moment = Moment::from_micros(0);

#[derive(Debug, Clone, Copy)]
struct Outage {
    from: Moment,
    until: Moment,
}

impl Sightings {
    /// Those of so many readers.
    pub fn new(readers: usize) -> Self {
        Self { seen_by: vec![Vec::new(); readers], ..Self::default() }
    }

    /// A reader that had come up to `after` has read these next.
    pub fn see(&mut self, reader: usize, after: u64, page: &[(u64, Mark)], at: Moment) {
        let mut expected = after + 1;
        for &(position, mark) in page {
            self.gaps += position.saturating_sub(expected);
            expected = position + 1;
            self.see_one(position, mark, at);
            set(&mut self.seen_by[reader], position);
        }
    }

    fn see_one(&mut self, position: u64, mark: Mark, at: Moment) {
        let index = index(position);
        if index >= self.marks.len() {
            self.marks.resize(index + 1, mark);
            self.seen_at.resize(index + 1, NOT_SEEN);
        }
        if self.seen_at[index] == NOT_SEEN {
            (self.marks[index], self.seen_at[index]) = (mark, at);
        }
        self.renumbered += u64::from(self.marks[index] != mark);
    }

    /// The database was away: nobody could see anything.
    pub fn lose_sight(&mut self, from: Moment, until: Moment) {
        self.outages.push(Outage { from, until });
    }

    /// Whether every reader has been at a position.
    pub(crate) fn is_seen_by_all(&self, position: u64) -> bool {
        self.seen_by.iter().all(|seen| is_set(seen, position))
    }

    /// Whether something else was seen at a position than `mark`.
    pub(crate) fn contradict(&self, position: u64, mark: Mark) -> bool {
        self.first(position).is_some_and(|(seen, _)| seen != mark)
    }

    /// How long it took until somebody saw what is at a position and was acknowledged then, not
    /// counting outages.
    pub(crate) fn delay(&self, position: u64, acknowledged: Moment) -> Option<Duration> {
        let (_, seen) = self.first(position)?;
        let away = self
            .outages
            .iter()
            .map(|outage| outage.until.min(seen).since(outage.from.max(acknowledged)));
        Some(seen.since(acknowledged).saturating_sub(away.sum()))
    }

    fn first(&self, position: u64) -> Option<(Mark, Moment)> {
        let index = index(position);
        let at = self.seen_at.get(index).filter(|at| **at != NOT_SEEN)?;
        Some((*self.marks.get(index)?, *at))
    }
}

/// A position is counted from 1.
fn index(position: u64) -> usize {
    usize::try_from(position.saturating_sub(1)).unwrap_or(usize::MAX)
}

fn set(bits: &mut Vec<u64>, position: u64) {
    let index = index(position);
    if index / 64 >= bits.len() {
        bits.resize(index / 64 + 1, 0);
    }
    bits[index / 64] |= 1 << (index % 64);
}

fn is_set(bits: &[u64], position: u64) -> bool {
    let index = index(position);
    bits.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::TransactionId;
    use crate::mark::Key;

    fn mark(number: u32) -> Mark {
        Mark::first(TransactionId::new(0, number), Key::hot(0), number)
    }

    #[test]
    fn time_without_a_database_is_no_delay() {
        let at = Moment::from_micros;
        let mut sightings = Sightings::new(1);
        sightings.see(0, 0, &[(1, mark(1))], at(1_000));
        assert_eq!(sightings.delay(1, at(100)), Some(Duration::from_micros(900)));
        sightings.lose_sight(at(50), at(150));
        sightings.lose_sight(at(200), at(400));
        sightings.lose_sight(at(900), at(5_000));
        assert_eq!(sightings.delay(1, at(100)), Some(Duration::from_micros(550)));
        assert_eq!(sightings.delay(2, at(100)), None);
    }

    #[test]
    fn all_readers_have_been_where_each_of_them_was() {
        let mut sightings = Sightings::new(2);
        let page: Vec<_> = (1..=100).map(|position| (position, mark(1))).collect();
        sightings.see(0, 0, &page, Moment::now());
        assert!(!sightings.is_seen_by_all(70));
        sightings.see(1, 69, &page[69..70], Moment::now());
        assert!(sightings.is_seen_by_all(70));
        assert!(!sightings.is_seen_by_all(71));
    }
}
