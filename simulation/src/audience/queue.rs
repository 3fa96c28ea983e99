//! A broker's queue and its sessions.

use std::collections::BTreeMap;

use ensue::listener::Tag;
use fastrand::Rng;

use crate::violation::{Checked, ensure};

pub(super) struct Queue {
    /// Messages to deliver; true for those that were delivered before.
    waiting: BTreeMap<u64, bool>,
    /// Sessions in the order of their opening.
    sessions: BTreeMap<u64, Session>,
    opened: u64,
    /// Only the first session gets messages.
    pub(super) is_exclusive: bool,
    /// The queue does not deliver in the order of sending.
    pub(super) shuffles: bool,
}

struct Session {
    prefetch: usize,
    unacknowledged: BTreeMap<Tag, u64>,
    next_tag: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery {
    pub(super) tag: Tag,
    pub(super) number: u64,
    pub(super) is_redelivered: bool,
}

/// Maximum displacement of a message in a queue that shuffles.
const SHUFFLED: usize = 4;

impl Queue {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let (waiting, sessions) = (BTreeMap::new(), BTreeMap::new());
        Self { waiting, sessions, opened: 0, is_exclusive: rng.bool(), shuffles: rng.u8(0..4) == 0 }
    }

    pub(super) fn publish(&mut self, number: u64) {
        self.waiting.insert(number, false);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.sessions.values().all(|it| it.unacknowledged.is_empty())
    }

    pub(super) fn open(&mut self, prefetch: usize) -> u64 {
        self.opened += 1;
        let session = Session { prefetch, unacknowledged: BTreeMap::new(), next_tag: 1 };
        self.sessions.insert(self.opened, session);
        self.opened
    }

    pub(super) fn sessions(&self) -> Vec<u64> {
        self.sessions.keys().copied().collect()
    }

    /// Ends the session and requeues its unacknowledged messages in their places.
    pub(super) fn end(&mut self, session: u64) {
        let ended = self.sessions.remove(&session).map(|it| it.unacknowledged);
        self.waiting.extend(ended.into_iter().flatten().map(|(_, number)| (number, true)));
    }

    pub(super) fn give(&mut self, session: u64, rng: &mut Rng) -> Vec<Delivery> {
        let is_first = self.sessions.first_key_value().is_some_and(|(first, _)| *first == session);
        let mut given = Vec::new();
        let Some(to) = self.sessions.get_mut(&session) else { return given };
        if self.is_exclusive && !is_first {
            return given;
        }
        while to.unacknowledged.len() < to.prefetch && !self.waiting.is_empty() {
            let place =
                if self.shuffles { rng.usize(0..SHUFFLED.min(self.waiting.len())) } else { 0 };
            let Some(number) = self.waiting.keys().nth(place).copied() else { break };
            let is_redelivered = self.waiting.remove(&number).unwrap_or_default();
            let tag = Tag(to.next_tag);
            to.next_tag += 1;
            to.unacknowledged.insert(tag, number);
            given.push(Delivery { tag, number, is_redelivered });
        }
        given
    }

    /// INVARIANT: a session acknowledges only messages that it was given, each once.
    pub(super) fn acknowledge(&mut self, session: u64, tags: &[Tag]) -> Checked<Vec<u64>> {
        // An ended session ignores acknowledgements.
        let Some(session) = self.sessions.get_mut(&session) else { return Ok(Vec::new()) };
        let mut acknowledged = Vec::new();
        for tag in tags {
            let number = session.unacknowledged.remove(tag);
            ensure(number.is_some(), || format!("tag {} is of another session", tag.0))?;
            acknowledged.extend(number);
        }
        Ok(acknowledged)
    }

    /// Returns the tags that acknowledge these messages.
    pub(super) fn tags(&self, session: u64, numbers: &[u64]) -> Vec<Tag> {
        let given = self.sessions.get(&session).into_iter().flat_map(|it| &it.unacknowledged);
        given.filter(|(_, number)| numbers.contains(number)).map(|(tag, _)| *tag).collect()
    }

    /// Returns the messages that the session was given and has not acknowledged.
    pub(super) fn unacknowledged(&self, session: u64) -> impl Iterator<Item = u64> {
        self.sessions.get(&session).into_iter().flat_map(|it| it.unacknowledged.values().copied())
    }
}
