//! The entries of a subscription that are out of the way, lane by lane: a pure structure.
//!
//! INVARIANT: of each lane at most one entry is tried, the first when it began; the others wait behind
//! it in the order of their positions. A lane is held as long as it has an entry here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ensue_core::{Position, Timestamp};

use super::lane::Lane;
use crate::subscription::{SetAside, SetAsideState};

#[derive(Debug, Default)]
pub(crate) struct SetAsideEntries {
    lanes: HashMap<Lane, BTreeMap<Position, SetAside>>,
    lane_of: BTreeMap<Position, Lane>,
    /// The first entries of their lanes that are to be tried, by the time of that.
    due: BTreeSet<(Timestamp, Position)>,
    /// Those that are being tried.
    trying: BTreeSet<Position>,
}

/// Whoever waited behind an entry that is gone is due at once.
const AT_ONCE: Timestamp = Timestamp::from_micros(i64::MIN);

impl SetAsideEntries {
    pub(crate) fn new(entries: impl IntoIterator<Item = SetAside>) -> Self {
        let mut all = Self::default();
        entries.into_iter().for_each(|entry| all.put(entry));
        all
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.lane_of.len()
    }

    /// How many lanes are held.
    pub(crate) fn lanes(&self) -> usize {
        self.lanes.len()
    }

    /// Whether later entries of `lane` have to wait.
    pub(crate) fn holds(&self, lane: &Lane) -> bool {
        self.lanes.contains_key(lane)
    }

    /// Whether nothing holds `lane` but an entry that is being tried.
    pub(crate) fn is_being_tried(&self, lane: &Lane) -> bool {
        let Some(entries) = self.lanes.get(lane) else { return false };
        entries.len() == 1 && entries.keys().all(|position| self.trying.contains(position))
    }

    pub(crate) fn contains(&self, position: Position) -> bool {
        self.lane_of.contains_key(&position)
    }

    pub(crate) fn at(&self, position: Position) -> Option<&SetAside> {
        self.lanes.get(self.lane_of.get(&position)?)?.get(&position)
    }

    /// All entries, in the order of their positions.
    pub(crate) fn all(&self) -> impl Iterator<Item = &SetAside> {
        self.lane_of.keys().filter_map(|position| self.at(*position))
    }

    /// The first entry of the lane that `key` names.
    pub(crate) fn first_of(&self, key: &str) -> Option<&SetAside> {
        self.lanes.get(&Lane::Key(key.to_owned()))?.values().next()
    }

    /// Whether an earlier entry of its lane is here too.
    pub(crate) fn is_behind(&self, entry: &SetAside) -> bool {
        let lane = self.lanes.get(&Lane::of(entry.key.as_deref(), entry.position));
        lane.and_then(|entries| entries.keys().next()).is_some_and(|first| *first < entry.position)
    }

    /// Whether a lane waits for the end of the first attempt at an entry up to there. Those that
    /// wait behind it are not asked for.
    pub(crate) fn has_untried(&self, up_to: Position) -> bool {
        let first = self.lanes.values().filter_map(|entries| entries.values().next());
        let mut tried = first.filter(|entry| entry.position <= up_to && entry.state.is_retrying());
        tried.any(|entry| match entry.attempts {
            0 => true,
            1 => self.trying.contains(&entry.position),
            _ => false,
        })
    }

    /// The entry that is to be tried first, and when.
    pub(crate) fn next_due(&self) -> Option<(Timestamp, Position)> {
        self.due.first().copied()
    }

    /// The entry at `position` is being tried, until it is put back or removed.
    pub(crate) fn try_now(&mut self, position: Position) {
        self.trying.insert(position);
        self.schedule_lane_of(position);
    }

    /// What is known of the entry has changed; it is being tried, or not, as before.
    pub(crate) fn note(&mut self, entry: SetAside) {
        let (position, lane) = (entry.position, Lane::of(entry.key.as_deref(), entry.position));
        self.unschedule(&lane);
        self.lane_of.insert(position, lane.clone());
        self.lanes.entry(lane.clone()).or_default().insert(position, entry);
        self.schedule(&lane);
    }

    /// Puts an entry here, or back from being tried.
    pub(crate) fn put(&mut self, entry: SetAside) {
        self.trying.remove(&entry.position);
        self.note(entry);
    }

    pub(crate) fn remove(&mut self, position: Position) {
        let Some(lane) = self.lane_of.get(&position).cloned() else { return };
        self.unschedule(&lane);
        self.trying.remove(&position);
        self.lane_of.remove(&position);
        if let Some(entries) = self.lanes.get_mut(&lane) {
            entries.remove(&position);
            if entries.is_empty() {
                self.lanes.remove(&lane);
            }
        }
        self.schedule(&lane);
    }

    fn schedule_lane_of(&mut self, position: Position) {
        if let Some(lane) = self.lane_of.get(&position).cloned() {
            self.unschedule(&lane);
            self.schedule(&lane);
        }
    }

    fn unschedule(&mut self, lane: &Lane) {
        if let Some(first) = self.first_due(lane) {
            self.due.remove(&first);
        }
    }

    fn schedule(&mut self, lane: &Lane) {
        if let Some(first) = self.first_due(lane)
            && !self.is_any_being_tried(lane)
        {
            self.due.insert(first);
        }
    }

    /// It need not be the first: an entry may turn out to be wanted after a later one of its key was
    /// begun, when another program takes over.
    fn is_any_being_tried(&self, lane: &Lane) -> bool {
        self.trying.iter().any(|position| self.lane_of.get(position) == Some(lane))
    }

    /// When the first entry of `lane` is to be tried.
    fn first_due(&self, lane: &Lane) -> Option<(Timestamp, Position)> {
        let (position, first) = self.lanes.get(lane)?.first_key_value()?;
        let at = match first.state {
            SetAsideState::Retrying { next_attempt_at } => next_attempt_at,
            SetAsideState::Queued => AT_ONCE,
            SetAsideState::Parked => return None,
        };
        Some((at, *position))
    }
}
