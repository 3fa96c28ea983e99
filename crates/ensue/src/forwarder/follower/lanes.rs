//! The fresh entries that were read and are not decided yet, lane by lane: a pure structure.
//!
//! INVARIANT: of each lane at most the first entry is under way.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ensue_core::Position;

use crate::forwarder::lane::Lane;

#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// Those of each lane, by position.
    entries: HashMap<Lane, BTreeSet<Position>>,
    lane_of: BTreeMap<Position, Lane>,
    /// The first of their lanes, unless they are under way.
    ready: BTreeSet<Position>,
}

impl Lanes {
    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.lane_of.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lane_of.is_empty()
    }

    /// The lowest undecided position but for `decided`.
    pub(super) fn first_without(&self, decided: &BTreeSet<Position>) -> Option<Position> {
        self.lane_of.keys().find(|position| !decided.contains(position)).copied()
    }

    pub(super) fn push(&mut self, position: Position, lane: Lane) {
        let entries = self.entries.entry(lane.clone()).or_default();
        if entries.is_empty() {
            self.ready.insert(position);
        }
        entries.insert(position);
        self.lane_of.insert(position, lane);
    }

    /// The entries that may be begun now, each of another lane, in the order of their positions.
    pub(super) fn ready(&self) -> impl Iterator<Item = (Position, &Lane)> {
        self.ready.iter().filter_map(|position| Some((*position, self.lane_of.get(position)?)))
    }

    /// The entries after `position`, of whatever lane, in the order of their positions.
    pub(super) fn after(&self, position: Position) -> impl Iterator<Item = (Position, &Lane)> {
        self.lane_of.range(position.next()..).map(|(position, lane)| (*position, lane))
    }

    /// The entry at `position` is under way.
    pub(super) fn begin(&mut self, position: Position) {
        self.ready.remove(&position);
    }

    /// The first entry of `lane`, which was held back, may begin.
    pub(super) fn let_go(&mut self, lane: &Lane) {
        let first = self.of(lane).next();
        self.ready.extend(first);
    }

    /// The first entries of `lane`.
    pub(super) fn of<'a>(&'a self, lane: &Lane) -> impl Iterator<Item = Position> + use<'a> {
        self.entries.get(lane).into_iter().flatten().copied()
    }

    pub(super) fn lane_of(&self, position: Position) -> Option<&Lane> {
        self.lane_of.get(&position)
    }

    /// The entry at `position` is decided: the next of its lane is ready.
    pub(super) fn decide(&mut self, position: Position) {
        let Some(lane) = self.lane_of.remove(&position) else { return };
        self.ready.remove(&position);
        let Some(entries) = self.entries.get_mut(&lane) else { return };
        entries.remove(&position);
        match entries.first() {
            Some(next) => drop(self.ready.insert(*next)),
            None => drop(self.entries.remove(&lane)),
        }
    }
}
