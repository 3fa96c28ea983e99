//! The entries of a subscription that are out of the way, key by key: a pure structure.
//!
//! INVARIANT: of each key at most the first entry is tried; the others wait behind it in the order
//! of their positions. A key is held as long as it has an entry here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ensue_core::{Position, Timestamp};

use crate::subscription::{Change, SetAside, SetAsideState};

/// What must stay in order: a key, or an entry that has none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Lane {
    Key(String),
    Entry(Position),
}

impl Lane {
    fn of(entry: &SetAside) -> Self {
        entry.key.clone().map_or(Self::Entry(entry.position), Self::Key)
    }
}

#[derive(Debug, Default)]
pub(crate) struct SetAsideEntries {
    lanes: HashMap<Lane, BTreeMap<Position, SetAside>>,
    lane_of: HashMap<Position, Lane>,
    /// The first entries of their lanes that are tried again, by the time of that.
    due: BTreeSet<(Timestamp, Position)>,
}

impl SetAsideEntries {
    pub(crate) fn new(entries: impl IntoIterator<Item = SetAside>) -> Self {
        let mut all = Self::default();
        entries.into_iter().for_each(|entry| all.put(entry));
        all
    }

    /// Whether later entries of `key` have to wait.
    pub(crate) fn holds(&self, key: Option<&str>) -> bool {
        key.is_some_and(|key| self.lanes.contains_key(&Lane::Key(key.to_owned())))
    }

    pub(crate) fn contains(&self, position: Position) -> bool {
        self.lane_of.contains_key(&position)
    }

    pub(crate) fn at(&self, position: Position) -> Option<&SetAside> {
        self.lanes.get(self.lane_of.get(&position)?)?.get(&position)
    }

    /// The entry that is to be tried again first, and when.
    pub(crate) fn next_due(&self) -> Option<(Timestamp, Position)> {
        self.due.first().copied()
    }

    /// What lets the entry at `position` go, handled, and the next of its key have its first try.
    pub(crate) fn release(&self, position: Position, now: Timestamp) -> Vec<Change> {
        let mut changes = vec![Change::Settle { position }];
        let lane = self.lane_of.get(&position).and_then(|lane| self.lanes.get(lane));
        let behind = lane.and_then(|lane| lane.range(position.next()..).next());
        if let Some((_, next)) = behind {
            let state = SetAsideState::Retrying { next_attempt_at: now };
            changes.push(Change::SetAside(SetAside { state, ..next.clone() }));
        }
        changes
    }

    pub(crate) fn put(&mut self, entry: SetAside) {
        self.remove(entry.position);
        if let Some(next_attempt_at) = entry.state.next_attempt_at() {
            self.due.insert((next_attempt_at, entry.position));
        }
        let lane = Lane::of(&entry);
        self.lane_of.insert(entry.position, lane.clone());
        self.lanes.entry(lane).or_default().insert(entry.position, entry);
    }

    pub(crate) fn remove(&mut self, position: Position) {
        let Some(lane) = self.lane_of.remove(&position) else { return };
        let Some(entries) = self.lanes.get_mut(&lane) else { return };
        let removed = entries.remove(&position);
        if entries.is_empty() {
            self.lanes.remove(&lane);
        }
        if let Some(next_attempt_at) = removed.and_then(|entry| entry.state.next_attempt_at()) {
            self.due.remove(&(next_attempt_at, position));
        }
    }
}
