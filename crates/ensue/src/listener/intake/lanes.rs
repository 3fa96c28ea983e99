//! Messages that are here and not done with, lane by lane: a pure structure.
//!
//! INVARIANT: of a lane nothing begins while something of it is under way, nor behind one that waits to
//! be tried again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use super::burial::Burial;
use super::{Arrived, Attempt, Kind};
use crate::listener::Tag;
use crate::listener::lane::Lane;
use crate::subscription::Failure;

/// Where a message stands among the others: in the order of arrival, but for those that take the place
/// of a later one of their key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place(u64);

/// A message that is here.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    pub(super) content: T,
    /// Nothing once the session is lost in which it can be acknowledged.
    pub(super) tag: Option<Tag>,
    pub(super) lane: Lane,
    /// Its source, and where it stands in that one's log.
    pub(super) sequence: Option<(String, u64)>,
    pub(super) is_suspect: bool,
    /// It is handled in a transaction of its own.
    pub(super) is_alone: bool,
    /// Attempts that have failed.
    pub(super) attempts: u32,
    /// The number of one that was recorded and has not begun.
    pub(super) recorded: Option<u32>,
    /// It is tried no more.
    pub(super) doom: Option<Failure>,
    pub(super) burial: Burial,
    /// The memory it takes, in bytes.
    pub(super) bytes: usize,
    /// When it is tried again.
    not_before: Option<Duration>,
    is_under_way: bool,
}

#[derive(Debug)]
pub(super) struct Lanes<T> {
    next: u64,
    messages: BTreeMap<Place, Waiting<T>>,
    lanes: HashMap<Lane, State>,
    /// What may begin.
    ready: BTreeSet<Place>,
    /// Lanes whose first message waits, by the time for which.
    due: BTreeSet<(Duration, Lane)>,
}

#[derive(Debug, Default)]
struct State {
    places: BTreeSet<Place>,
    is_busy: bool,
    /// As it is in `due`.
    due: Option<Duration>,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self {
            next: 0,
            messages: BTreeMap::new(),
            lanes: HashMap::new(),
            ready: BTreeSet::new(),
            due: BTreeSet::new(),
        }
    }
}

impl<T> Waiting<T> {
    fn is_later_than(&self, (source, sequence): &(String, u64)) -> bool {
        let later = |(of, its): &(String, u64)| of == source && its > sequence;
        !self.is_under_way && self.sequence.as_ref().is_some_and(later)
    }

    pub(super) fn next_attempt(&self) -> Attempt {
        match (self.is_suspect, self.recorded) {
            (false, _) => Attempt::Number(self.attempts + 1),
            (true, None) => Attempt::ToRecord,
            (true, Some(number)) => Attempt::Recorded(number),
        }
    }

    pub(super) fn wait_until(&mut self, at: Duration) {
        self.not_before = Some(at);
    }
}

impl<T> Lanes<T> {
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// The messages that arrived in the open session.
    pub(super) fn of_session(&self) -> impl Iterator<Item = &Waiting<T>> {
        self.messages.values().filter(|message| message.tag.is_some())
    }

    pub(super) fn get(&self, place: Place) -> Option<&Waiting<T>> {
        self.messages.get(&place)
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Waiting<T>> {
        self.messages.get_mut(&place)
    }

    /// What may begin, in its order.
    pub(super) fn ready(&self) -> impl Iterator<Item = (Place, &Waiting<T>)> {
        self.ready.iter().filter_map(|place| Some((*place, self.messages.get(place)?)))
    }

    /// When one that waits may begin.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Behind whatever has arrived, and before those that were raised after it and have not begun.
    pub(super) fn add(&mut self, arrived: Arrived<T>) {
        let Arrived { tag, lane, sequence, is_redelivered, kind, bytes, content } = arrived;
        let place = Place(self.next);
        self.next += 1;
        let message = Waiting {
            content,
            tag: Some(tag),
            lane: lane.clone(),
            sequence,
            is_suspect: is_redelivered,
            is_alone: is_redelivered || matches!(kind, Kind::Alone),
            attempts: 0,
            recorded: None,
            doom: match kind {
                Kind::Doomed(failure) => Some(failure),
                Kind::Together | Kind::Alone | Kind::PassedBy => None,
            },
            burial: Burial::default(),
            bytes,
            not_before: None,
            is_under_way: false,
        };
        let state = self.lanes.entry(lane.clone()).or_default();
        let later = |place: &&Place| match &message.sequence {
            Some(sequence) => {
                self.messages.get(place).is_some_and(|other| other.is_later_than(sequence))
            }
            None => false,
        };
        let mut places: Vec<_> = state.places.iter().filter(later).copied().collect();
        places.push(place);
        state.places.insert(place);
        self.messages.insert(place, message);
        self.move_last_to_front(&places);
        self.refresh(&lane);
    }

    fn move_last_to_front(&mut self, places: &[Place]) {
        let mut messages: Vec<_> =
            places.iter().filter_map(|place| self.messages.remove(place)).collect();
        messages.rotate_right(1);
        self.messages.extend(places.iter().copied().zip(messages));
    }

    /// These are under way, and their lanes are held.
    pub(super) fn begin(&mut self, places: &[Place]) {
        for place in places {
            let Some(message) = self.messages.get_mut(place) else { continue };
            message.is_under_way = true;
            let lane = message.lane.clone();
            if let Some(state) = self.lanes.get_mut(&lane)
                && !state.is_busy
            {
                state.is_busy = true;
                self.refresh(&lane);
            }
        }
    }

    /// It is under way no more. One that cannot be acknowledged any more will arrive again.
    pub(super) fn put_back(&mut self, place: Place) {
        let Some(message) = self.messages.get_mut(&place) else { return };
        message.is_under_way = false;
        match message.tag {
            Some(_) => self.free(place),
            None => drop(self.remove(place)),
        }
    }

    /// It is done with.
    pub(super) fn remove(&mut self, place: Place) -> Option<Waiting<T>> {
        self.free(place);
        self.take(place)
    }

    fn free(&mut self, place: Place) {
        let Some(lane) = self.messages.get(&place).map(|message| message.lane.clone()) else {
            return;
        };
        if let Some(state) = self.lanes.get_mut(&lane) {
            state.is_busy = false;
        }
        self.refresh(&lane);
    }

    /// Nothing that is here can be acknowledged any more; what is under way holds its lane until it has
    /// ended.
    pub(super) fn lose_session(&mut self) {
        let idle = self.messages.iter().filter(|(_, message)| !message.is_under_way);
        let idle: Vec<_> = idle.map(|(place, _)| *place).collect();
        for message in self.messages.values_mut() {
            message.tag = None;
        }
        for place in idle {
            self.take(place);
        }
    }

    fn take(&mut self, place: Place) -> Option<Waiting<T>> {
        let message = self.messages.remove(&place)?;
        self.ready.remove(&place);
        if let Some(state) = self.lanes.get_mut(&message.lane) {
            state.places.remove(&place);
        }
        self.refresh(&message.lane);
        Some(message)
    }

    /// Those whose time has come may begin.
    pub(super) fn wake(&mut self, now: Duration) {
        while let Some((at, lane)) = self.due.first().cloned()
            && at <= now
        {
            let first = self.lanes.get(&lane).and_then(|state| state.places.first());
            if let Some(message) = first.and_then(|first| self.messages.get_mut(first)) {
                message.not_before = None;
            }
            self.refresh(&lane);
        }
    }

    /// What of the lane may begin: whatever is not behind one that waits.
    fn refresh(&mut self, lane: &Lane) {
        let Some(state) = self.lanes.get_mut(lane) else { return };
        if let Some(at) = state.due.take() {
            self.due.remove(&(at, lane.clone()));
        }
        let mut is_free = !state.is_busy;
        for (index, place) in state.places.iter().enumerate() {
            let not_before = self.messages.get(place).and_then(|message| message.not_before);
            if let Some(at) = not_before.filter(|_| is_free && index == 0) {
                state.due = Some(at);
                self.due.insert((at, lane.clone()));
            }
            is_free &= not_before.is_none();
            match is_free {
                true => self.ready.insert(*place),
                false => self.ready.remove(place),
            };
        }
        if state.places.is_empty() {
            self.lanes.remove(lane);
        }
    }
}
