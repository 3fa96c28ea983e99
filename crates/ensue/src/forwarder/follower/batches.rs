//! Which fresh entries are handled together.
//!
//! A batch is one piece of work, in the order of positions, and its last position is where the
//! cursor goes with its effect. When a batch fails nothing says which entry it was, so each of them
//! is tried alone once, and only those that fail by themselves are set aside.

use std::collections::BTreeSet;

use ensue_core::Position;

use super::{Follower, Lane};

#[derive(Debug)]
pub(super) struct Batches {
    /// At the most so many entries.
    size: usize,
    /// Read, to be handled with others, and not decided.
    members: BTreeSet<Position>,
    /// Those up to here are tried alone.
    alone_up_to: Position,
}

impl Batches {
    pub(super) fn of(size: usize) -> Self {
        Self { size: size.max(1), members: BTreeSet::new(), alone_up_to: Position::START }
    }

    pub(super) fn add(&mut self, position: Position) {
        self.members.insert(position);
    }

    pub(super) fn remove(&mut self, position: Position) {
        self.members.remove(&position);
    }

    /// Returns true if entries of a failed batch are left.
    pub(super) fn are_apart(&self) -> bool {
        self.members.first().is_some_and(|first| *first <= self.alone_up_to)
    }

    fn takes(&self, position: Position) -> bool {
        position > self.alone_up_to && self.members.contains(&position)
    }
}

impl Follower {
    /// What is handled together with the fresh entry at `first`: those right behind it, for as long
    /// as nothing is between them that goes another way.
    pub(super) fn batch_behind(&self, first: Position) -> Vec<Position> {
        if !self.batches.takes(first) {
            return Vec::new();
        }
        let behind = self.lanes.after(first).take(self.batches.size - 1);
        let together = behind.take_while(|(position, lane)| {
            self.batches.takes(*position) && !self.set_aside.holds(lane)
        });
        together.map(|(position, _)| position).collect()
    }

    /// They are fresh as before, and each is tried by itself.
    pub(super) fn take_apart(&mut self, batch: &[Position]) {
        self.batches.alone_up_to = batch.last().copied().unwrap_or(Position::START);
        for position in batch {
            let lane = self.lanes.lane_of(*position).cloned();
            lane.iter().for_each(|lane: &Lane| self.lanes.let_go(lane));
        }
    }

    /// What the owner before may have had under way: the first of each lane, as many as it had lanes,
    /// or one batch.
    pub(super) fn possibly_under_way(&self) -> Vec<Position> {
        match self.batches.size {
            1 => self.lanes.ready().map(|(position, _)| position).take(self.width).collect(),
            // Includes entries whose key an earlier suspect holds by now. If this term ends before it
            // records that they wait, the next owner does not know that they were suspects too.
            size => {
                let undecided = self.lanes.after(Position::START).map(|(position, _)| position);
                undecided.take(size).collect()
            }
        }
    }
}
